"""A worker and a portal that hurry: what takes half a minute or more takes a second or two.

So a hundred kills in a few minutes hit work that is under way, and what was killed is taken over while we look.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from connectors.contract import Connector
from connectors.registry import load_connectors
from gateway import app, inbox, serve, worker
from gateway.feeds import following, sweeping
from gateway.outbox import sending, states, turns
from gateway.settings import load

SOON = timedelta(seconds=2)
EVERY = timedelta(seconds=1)
CALLS = 20  # times as many in a minute
TRY, TURN = timedelta(seconds=9), timedelta(seconds=10)  # of what customers sent; a call takes up to eight


def work() -> None:
    following.LASTS = sweeping.LASTS = SOON
    worker.SWEEP_EVERY = EVERY
    vars(worker)["load_connectors"] = load_hurried
    worker.run_worker(load(os.environ))


def serve_pages() -> None:
    serve.serve(load(os.environ), load_app, lambda line: print(line, flush=True))  # noqa: T201  # as the CLI


def load_app() -> object:
    inbox.LEASE = SOON
    for module in (turns, sending):
        vars(module).update(WITHIN=TRY, LASTS=TURN)
    for module in (states, sending):
        vars(module)["PAUSES"] = (1,) * 100
    vars(app)["load_connectors"] = load_hurried
    return app.create_app()


def load_hurried() -> Mapping[str, Connector[Any]]:
    return {name: _hurried(connector) for name, connector in load_connectors().items()}


def _hurried(connector: Connector[Any]) -> Connector[Any]:
    limits = connector.limits
    return replace(
        connector,
        # What the vendor tells of its own limit is by its own pace, and would leave nothing for those who do not hurry.
        limits=replace(limits, per_minute=limits.per_minute * CALLS if limits.per_minute else None, told_by=()),
        feeds={kind: replace(feed, every=EVERY) for kind, feed in connector.feeds.items()},
        actions={name: replace(action, found_within=EVERY) for name, action in connector.actions.items()},
    )
