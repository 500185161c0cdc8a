"""What follows when something that a customer sent has gone out, or has not: their pages show it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from auth.clock import Clock
from connectors.actions import Answer, Asked, Done, Move, NewTicket, Reply
from connectors.deliveries import Event
from connectors.errors import ConnectorError
from gateway.account_view import AccountViews
from gateway.offices import Offices
from gateway.outbox.turns import Try
from gateway.records.database import DatabaseDown

log = structlog.get_logger()


Changed = tuple[str, str, Event]  # an account, the customer that it is over there, and what has changed


class Telling:
    """Lets the account's open pages look again by `announce`, and reads again what was changed over there.

    Of each source that is done beside the sending, one after the other: many things that go out one by one do not wait
    for a list after each of them, and what was read since they went out is not read again.
    """

    def __init__(
        self, announce: Callable[[str], Awaitable[None]], views: AccountViews, offices: Offices, clock: Clock
    ) -> None:
        self._announce = announce
        self._views = views
        self._offices = offices
        self._clock = clock
        self._changed: dict[str, dict[Changed, datetime]] = {}  # by source, since when
        self._readers: dict[str, asyncio.Task[None]] = {}

    async def __call__(self, ended: Try, done: Done | None) -> None:
        """Raises nothing: what is done is done, and the feed tells of it too."""
        await self._announce(ended.account)
        event = _event(ended.asked)
        if done and event:
            changed = self._changed.setdefault(ended.source, {})
            changed[ended.account, ended.asked.customer, event] = self._clock()
            if ended.source not in self._readers:
                self._readers[ended.source] = asyncio.create_task(self._read(ended.source, changed))

    async def aclose(self) -> None:
        """Leave what is not read yet to the feed."""
        readers = list(self._readers.values())
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    async def _read(self, source: str, changed: dict[Changed, datetime]) -> None:
        try:
            while changed:
                what = next(iter(changed))
                await self._look_again(source, what, changed.pop(what))
        finally:
            del self._readers[source]

    async def _look_again(self, source: str, changed: Changed, since: datetime) -> None:
        account, customer, event = changed
        try:
            office = await self._offices.get(source)
            if office:
                await self._views.look_again(account, customer, event, office, since)
        except (ConnectorError, DatabaseDown) as error:
            log.info("not looked at yet", source=source, error=type(error).__name__)
        except Exception:
            log.exception("look failed", source=source)


def _event(asked: Asked) -> Event | None:
    """Say what of the customer's has changed over there, if they can see it."""
    match asked:
        case Reply(ticket=ticket) | Move(ticket=ticket):
            return Event(kind="tickets", record=ticket)
        case NewTicket():
            return Event(kind="tickets")
        case Answer(order=order):
            return Event(kind="orders", record=order)
        case _:
            return None
