"""What has changed. Tryton moves a record's own date only for what is written to the record itself.

So we look at what belongs to it as well: a shipment, a move of goods, the bookings that settle an invoice, and the
address, which is the only one to be dated where two parties are made one. Tryton keeps nothing of what was deleted, so
that shows when a list is read as a whole.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Generic, TypeVar

from msgspec import Struct

from connectors.contract import Answer, Changes, ChangesQuery, Feed, ReadChanges
from connectors.errors import BadResponse
from connectors.passes import place_of
from connectors.records import Invoice, Kind, Order, Record
from connectors.vendors.tryton import invoices, orders, parties, shipments
from connectors.vendors.tryton.rest import PAGE, Clause, Domain, Either, Row, Tryton, search, search_dated
from connectors.vendors.tryton.settings import TrytonConfig
from connectors.vendors.tryton.values import Moment

R = TypeVar("R", bound=Row)
T = TypeVar("T", bound=Record)

# A row's date is when its transaction began. Tryton sets a request no limit, but whoever waits for one gives up after a
# minute or two; the rest is for the time between our questions.
LAG = timedelta(seconds=150)


class WrittenRow(Row):
    write_date: Moment


class Watched(Struct, Generic[R, T], frozen=True):
    """A kind of records, and what belongs to one: the fields that lead there, and the model there."""

    model: str
    row: type[R]
    parts: Mapping[str, str]
    is_shown: Callable[[R], bool]
    answers: Callable[[Tryton, Sequence[R], datetime], Awaitable[tuple[Answer[T], ...]]]
    within: Sequence[Clause] = ()


ORDERS = Watched(
    orders.MODEL,
    orders.SaleRow,
    {
        "lines": "sale.line",
        "shipments": shipments.MODEL,
        "moves": "stock.move",
        "contact": parties.MODEL,
        "invoice_address": "party.address",
    },
    lambda row: row.shown,
    orders.answers_of,
)
INVOICES = Watched(
    invoices.MODEL,
    invoices.InvoiceRow,
    {
        "move.lines": "account.move.line",
        "payment_lines": "account.move.line",
        "sales": orders.MODEL,
        "invoice_address": "party.address",
    },
    lambda row: row.shown,
    invoices.answers_of,
    [("type", "=", "out")],
)


async def read_orders(office: Tryton, query: ChangesQuery) -> Changes[Order]:
    return await _read(office, query, ORDERS, await shipments.absent(office))


async def read_invoices(office: Tryton, query: ChangesQuery) -> Changes[Invoice]:
    return await _read(office, query, INVOICES)


async def _read(
    office: Tryton, query: ChangesQuery, watched: Watched[R, T], without: frozenset[str] = frozenset()
) -> Changes[T]:
    place = place_of(query)
    wanted: Domain = [*watched.within, ("id", ">", place.after), _changed(place.since, watched.parts)]
    rows, more = await search(office, watched.row, watched.model, wanted, limit=PAGE, without=without)
    if any(later <= earlier for earlier, later in pairwise([place.after, *(row.id for row in rows)])):
        raise BadResponse(f"Tryton {watched.model}: rows in another order than asked for")
    if rows and not place.after:
        place = place.begun(*await _newest(office, {watched.model, *watched.parts.values()}), LAG)
    shown = [row for row in rows if watched.is_shown(row)]
    return Changes(
        answers=await watched.answers(office, shown, query.asked_at),
        gone=frozenset(str(row.id) for row in rows) - {str(row.id) for row in shown},
        cursor=place.cursor(after=rows[-1].id if more else None),
        more=more,
    )


def _changed(since: datetime, parts: Iterable[str]) -> Either:
    """A row has no date of writing until it is written again."""
    at = Moment(since.year, since.month, since.day, since.hour, since.minute, since.second, since.microsecond)
    dates = (
        f"{prefix}{date}"
        for prefix in ("", *(f"{field}." for field in parts))
        for date in ("write_date", "create_date")
    )
    return ("OR", *((date, ">=", at) for date in dates))


async def _newest(office: Tryton, models: Iterable[str]) -> tuple[datetime | None, datetime | None]:
    """Say when anything in these was written last, and what time it is over there."""
    found: list[WrittenRow] = []
    now = None
    for model in sorted(models):
        written: list[Clause] = [("write_date", "!=", None)]
        rows, _, now = await search_dated(office, WrittenRow, model, written, order=("write_date", "DESC"), limit=1)
        found += rows
    return max((row.write_date.value for row in found), default=None), now


# It tells nothing of what was deleted, and all else at once: what shows late is only dated early.
# Each look is a question or two where nothing has changed.
READS: Mapping[Kind, ReadChanges[TrytonConfig, Record]] = {"orders": read_orders, "invoices": read_invoices}
FEEDS: Mapping[Kind, Feed[TrytonConfig]] = {
    kind: Feed(
        read=read, lag=timedelta(0), every=timedelta(seconds=15), whole_every=timedelta(minutes=15), tells_owners=True
    )
    for kind, read in READS.items()
}
