"""What follows when something has gone out: open pages look again, and what was changed is read again."""

import asyncio
from datetime import datetime
from typing import Any, cast

import pytest
from support_feeds import START, FixedOffices
from support_outbox import FarEnd

from connectors.actions import Done, Reply
from connectors.deliveries import Event
from connectors.errors import Unavailable
from gateway.account_view import AccountViews
from gateway.offices import Offices
from gateway.outbox.telling import Telling
from gateway.outbox.turns import Try

DONE = Done("1", "T-1")


class Views:
    """Notes what is read again, and lets each come to its end when it is told to."""

    def __init__(self) -> None:
        self.looks: list[Event] = []
        self.gate = asyncio.Semaphore(0)
        self.fails = False

    async def look_again(self, _account: str, _customer: str, event: Event, _office: object, _since: datetime) -> None:
        self.looks.append(event)
        await self.gate.acquire()
        if self.fails:
            raise Unavailable("away")


class Scene:
    def __init__(self) -> None:
        self.announced: list[str] = []
        self.views = Views()
        offices = cast("Offices", FixedOffices(FarEnd().office("find"), FarEnd().office("find", "shop")))
        self.telling = Telling(self.announce, cast("AccountViews", self.views), offices, lambda: START)

    async def announce(self, account: str) -> None:
        self.announced.append(account)

    async def tell(self, ticket: str, done: Done | None = DONE, source: str = "desk") -> None:
        asked: Any = Reply(customer="7", reference="r", ticket=ticket, text="Thanks.")
        ended = Try(
            id="1",
            account="acme",
            reference="r",
            source=source,
            action="reply",
            asked=asked,
            turn=1,
            tries=1,
            doubt=None,
        )
        await self.telling(ended, done)

    async def looks(self, many: int) -> list[str | None]:
        """Give what was read again when so many reads have begun, and a moment after it."""
        async with asyncio.timeout(5):
            while len(self.views.looks) < many:  # noqa: ASYNC110  # it changes elsewhere
                await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        return [event.record for event in self.views.looks]


@pytest.fixture
def telling_scene() -> Scene:
    return Scene()


async def test_holds_up_nothing_that_is_sent_by_what_is_read_again(telling_scene: Scene) -> None:
    for ticket in ("1", "2", "1", "1"):
        await telling_scene.tell(ticket)
    assert telling_scene.announced == ["acme"] * 4
    assert await telling_scene.looks(1) == ["1"]
    telling_scene.views.gate.release()
    assert await telling_scene.looks(2) == ["1", "2"]
    await telling_scene.telling.aclose()


async def test_reads_again_what_changed_while_it_was_read(telling_scene: Scene) -> None:
    await telling_scene.tell("1")
    await telling_scene.looks(1)
    await telling_scene.tell("1")
    telling_scene.views.gate.release()
    assert await telling_scene.looks(2) == ["1", "1"]
    await telling_scene.telling.aclose()


async def test_goes_on_after_one_that_cannot_be_read(telling_scene: Scene) -> None:
    telling_scene.views.fails = True
    await telling_scene.tell("1")
    await telling_scene.tell("2")
    telling_scene.views.gate.release()
    assert await telling_scene.looks(2) == ["1", "2"]
    telling_scene.views.gate.release()
    await telling_scene.looks(2)
    await telling_scene.tell("3")
    assert await telling_scene.looks(3) == ["1", "2", "3"]
    await telling_scene.telling.aclose()


async def test_lets_one_source_wait_for_no_other(telling_scene: Scene) -> None:
    await telling_scene.tell("1")
    await telling_scene.tell("2", source="shop")
    assert await telling_scene.looks(2) == ["1", "2"]
    await telling_scene.telling.aclose()


async def test_reads_nothing_again_that_was_not_done(telling_scene: Scene) -> None:
    await telling_scene.tell("1", done=None)
    assert telling_scene.announced == ["acme"]
    assert await telling_scene.looks(0) == []
