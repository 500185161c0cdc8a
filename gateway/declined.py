"""What members handed in and a back office declined: it waits for who sent it, and for nobody else."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from connectors.actions import ACTIONS, ActionName, Answer, Asked, Change, Move, NewTicket, OrderAgain, Reply
from gateway.access import LinkRef, PersonRef, Scope
from gateway.records.ids import first_id
from gateway.records.outbox_tables import OutboxRow
from gateway.rights import Area

ASKED_FOR = timedelta(days=30)  # after it was sent; later its page alone says so
ANSWERS = ("accept", "decline")


class Declined(Struct, frozen=True, kw_only=True):
    """One of them. `about`: the record that it is of, by its source's id. `subject`: of a request, else empty.

    `area` None: it is about the member's own details.
    """

    action: ActionName
    area: Area | None
    source: str
    about: str | None
    subject: str
    place: str


async def declined_of(
    session: AsyncSession, scopes: Collection[Scope], now: datetime
) -> Mapping[Scope, Sequence[Declined]]:
    """List what waits for members, the oldest first. An answer to a quote that was answered again does not."""
    accounts, members = {each.account_id for each in scopes}, {each.member_id for each in scopes}
    later = aliased(OutboxRow)
    is_answered_again = sa.select(later.id).where(
        later.account_id == OutboxRow.account_id,
        later.source == OutboxRow.source,
        later.action.in_(ANSWERS),
        later.asked["order"].as_string() == OutboxRow.asked["order"].as_string(),
        later.id > OutboxRow.id,
        later.state != "cancelled",
    )
    theirs = sa.select(OutboxRow).where(
        OutboxRow.state == "needs_you",
        OutboxRow.id >= first_id(now - ASKED_FOR),
        OutboxRow.account_id.in_(accounts),
        OutboxRow.member_id.in_(members),
        OutboxRow.action.in_([action for action in ACTIONS if action != "rate"]),  # who rates need do nothing
        sa.not_(sa.and_(OutboxRow.action.in_(ANSWERS), is_answered_again.exists())),
    )
    rows = (await session.scalars(theirs.order_by(OutboxRow.id))).all() if scopes else []
    read = [(row, asked) for row in rows if (asked := _asked(row))]
    return {scope: [_declined(row, asked) for row, asked in read if _is_of(scope, row, asked)] for scope in scopes}


def place_of(id_: str, source: str, asked: Asked) -> str:
    """Give the address of the page where it can be put right."""
    match asked:
        case Reply(ticket=ticket) | Move(ticket=ticket):
            return address_of("requests", source, ticket)
        case OrderAgain(order=order) | Answer(order=order):
            return address_of("orders", source, order)
        case Change():
            return "/account/details"
        case _:
            return address_of("requests", "sent", id_)


def _is_of(scope: Scope, row: OutboxRow, asked: Asked) -> bool:
    """Whether the member sent it for this account, and can still open its page."""
    if (row.account_id, row.member_id) != (scope.account_id, scope.member_id):
        return False
    if isinstance(asked, Change):
        return PersonRef(row.source, asked.person) in scope.persons
    area = _area(asked)
    return (
        LinkRef(row.source, asked.customer) in scope.links and area is not None and scope.rights.reach(area) != "none"
    )


def _declined(row: OutboxRow, asked: Asked) -> Declined:
    action: ActionName = row.action  # type: ignore[assignment]  # as it was written
    about = None
    if isinstance(asked, Reply | Move):
        about = asked.ticket
    elif isinstance(asked, OrderAgain | Answer):
        about = asked.order
    return Declined(
        action=action,
        area=_area(asked),
        source=row.source,
        about=about,
        subject=asked.subject if isinstance(asked, NewTicket) else "",
        place=place_of(row.id, row.source, asked),
    )


def _asked(row: OutboxRow) -> Asked | None:
    """Read what was asked. None: another version wrote it, and this one cannot."""
    action: ActionName = row.action  # type: ignore[assignment]  # as it was written
    try:
        return msgspec.convert(row.asked, ACTIONS[action])
    except msgspec.ValidationError:
        return None


def _area(asked: Asked) -> Area | None:
    match asked:
        case OrderAgain() | Answer():
            return "orders"
        case Change():
            return None
        case _:
            return "requests"


def address_of(*parts: str) -> str:
    """Give the address of a page of the portal."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)
