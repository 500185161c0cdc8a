"""What follows when something that a customer sent has gone out, or has not: their pages show it."""

from collections.abc import Awaitable, Callable

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


class Telling:
    """Lets the account's open pages look again by `announce`, and reads again what was changed over there."""

    def __init__(
        self, announce: Callable[[str], Awaitable[None]], views: AccountViews, offices: Offices, clock: Clock
    ) -> None:
        self._announce = announce
        self._views = views
        self._offices = offices
        self._clock = clock

    async def __call__(self, ended: Try, done: Done | None) -> None:
        """Raises nothing: what is done is done, and the feed tells of it too."""
        await self._announce(ended.account)
        event = _event(ended.asked)
        if done and event:
            try:
                office = await self._offices.get(ended.source)
                if office:
                    await self._views.look_again(ended.account, ended.asked.customer, event, office, self._clock())
            except (ConnectorError, DatabaseDown) as error:
                log.info("not looked at yet", reference=ended.reference, error=type(error).__name__)


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
