"""The routes of the portal are registered once in a process of tests, which took half of the time of many of them.

Each application is a copy of the first one, with a state of its own. That a first one works too is seen wherever a test
starts `hallway serve`.
"""

import gc
from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
from litestar import Litestar
from litestar.events import SimpleEventEmitter

from gateway import app as wiring

registered: dict[int, Litestar] = {}  # by how many routers there are: a demo has one more
states: list[Any] = []  # of one test


def register_once(*, route_handlers: list[Any], state: Any, lifespan: list[Any], **more: Any) -> Litestar:
    """Do as `Litestar` does. Nothing that is registered may know an application."""
    first = registered.get(len(route_handlers))
    if first is None:
        given = {"route_handlers": route_handlers, "state": state, "lifespan": lifespan}
        first = registered[len(route_handlers)] = Litestar(**given, **more)
    another = copy(first)
    states.append(state)
    another.state, another._lifespan_managers = state, lifespan
    another.event_emitter = SimpleEventEmitter(listeners=[])  # what it opens with one application is not another's
    another.asgi_router = copy(first.asgi_router)
    another.asgi_router.app = another
    another.asgi_handler = another._create_asgi_handler()
    return another


def pytest_collection_finish() -> None:
    """Let the collector pass by thirteen thousand tests and all that was imported for them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let go of what was made. Templates and what they call hold each other where the collector does not see it."""
    yield
    for state in states:
        vars(state["view"]).clear()
    states.clear()


vars(wiring)["Litestar"] = register_once
