"""What has changed. Odoo moves a record's own date only for what is written to the record itself.

So we look at what belongs to it as well: a line, a delivery, the contact that says whose it is, the stage of a ticket.
It keeps nothing of what was deleted, so that shows when a list is read as a whole.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Generic, TypeVar

from msgspec import Struct

from connectors.contract import Answer, Changes, ChangesQuery, Feed, ReadChanges
from connectors.errors import BadResponse
from connectors.passes import Pass, place_of
from connectors.records import Invoice, Kind, Order, Record, Ticket
from connectors.vendors.odoo import invoices, moves, orders, pickings, sales, tickets
from connectors.vendors.odoo.models import PAGE, Domain, Row, fields_of, search
from connectors.vendors.odoo.partners import MODEL as PARTNER
from connectors.vendors.odoo.rpc import Odoo, clock
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.values import Moment, in_utc

R = TypeVar("R", bound=Row)
T = TypeVar("T", bound=Record)

# A row's date is when its transaction began, and Odoo ends a request after two minutes (`limit_time_real`). The rest
# is for the time between our questions.
LAG = timedelta(seconds=150)


class TicketRow(tickets.TicketRow):
    active: bool


class Written(Row):
    write_date: Moment


class Watched(Struct, Generic[R, T], frozen=True):
    """A kind of records, and what belongs to one: the field that leads there, and the model there."""

    model: str
    row: type[R]
    parts: Mapping[str, str]
    is_shown: Callable[[R], bool]
    answers: Callable[[Odoo, Sequence[R], datetime], Awaitable[tuple[Answer[T], ...]]]
    within: Domain = ()


ORDERS = Watched(
    sales.MODEL,
    sales.OrderRow,
    {"order_line": "sale.order.line", "partner_id": PARTNER, "picking_ids": pickings.MODEL},
    lambda row: row.state in sales.SHOWN,
    orders.answers_of,
)
INVOICES = Watched(
    moves.MODEL,
    moves.MoveRow,
    {"line_ids": "account.move.line", "partner_id": PARTNER},
    lambda row: row.shown,
    invoices.answers_of,
    [("move_type", "in", list(moves.SIGNS))],
)
TICKETS = Watched(
    tickets.MODEL,
    TicketRow,
    {"partner_id": PARTNER, "stage_id": "helpdesk.ticket.stage"},
    lambda row: row.active,
    tickets.answers_of,
)


async def read_orders(office: Odoo, query: ChangesQuery) -> Changes[Order]:
    return await _read(office, query, ORDERS)


async def read_invoices(office: Odoo, query: ChangesQuery) -> Changes[Invoice]:
    return await _read(office, query, INVOICES)


async def read_tickets(office: Odoo, query: ChangesQuery) -> Changes[Ticket]:
    if not await tickets.is_installed(office):
        return Changes(answers=(), cursor=place_of(query).cursor(after=None))
    return await _read(office, query, TICKETS)


async def _read(office: Odoo, query: ChangesQuery, watched: Watched[R, T]) -> Changes[T]:
    place = place_of(query)
    parts = await fields_of(office, watched.model, set(watched.parts))  # without the stock app there are no deliveries
    rows = await search(
        office,
        watched.row,
        watched.model,
        [*watched.within, ("id", ">", place.after), *_changed(place, sorted(parts))],
        order="id",
        limit=PAGE + 1,
        archived=True,
    )
    if any(later <= earlier for earlier, later in pairwise([place.after, *(row.id for row in rows)])):
        raise BadResponse(f"Odoo {watched.model}: rows in another order than asked for")
    if rows and not place.after:
        newest = await _newest(office, {watched.model, *(watched.parts[field] for field in parts)})
        place = place.begun(newest, await clock(office), LAG)
    page = rows[:PAGE]
    shown = [row for row in page if watched.is_shown(row)]
    more = len(rows) > PAGE
    return Changes(
        answers=await watched.answers(office, shown, query.asked_at),
        gone=frozenset(str(row.id) for row in page) - {str(row.id) for row in shown},
        cursor=place.cursor(after=page[-1].id if more else None),
        more=more,
    )


def _changed(place: Pass, parts: Sequence[str]) -> Domain:
    since = f"{place.since:%Y-%m-%d %H:%M:%S}"
    dates = ["write_date", *(f"{field}.write_date" for field in parts)]
    return [*["|"] * (len(dates) - 1), *((date, ">=", since) for date in dates)]  # type: ignore[list-item]


async def _newest(office: Odoo, models: Iterable[str]) -> datetime | None:
    """Say when anything in these was written last."""
    found: list[Written] = []
    for model in sorted(models):
        found += await search(office, Written, model, [], order="write_date desc", limit=1, archived=True)
    return max((in_utc(row.write_date) for row in found), default=None)


# It tells nothing of what was deleted, and all else at once: what shows late is only dated early.
# Each look is two or three questions where nothing has changed.
READS: Mapping[Kind, ReadChanges[OdooConfig, Record]] = {
    "orders": read_orders,
    "invoices": read_invoices,
    "tickets": read_tickets,
}
FEEDS: Mapping[Kind, Feed[OdooConfig]] = {
    kind: Feed(
        read=read, lag=timedelta(0), every=timedelta(seconds=30), whole_every=timedelta(minutes=15), tells_owners=True
    )
    for kind, read in READS.items()
}
