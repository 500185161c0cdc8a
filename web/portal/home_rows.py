"""What Home says of a record in its row: words and pieces, which the template puts in their places."""

from datetime import date
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from connectors.records import Invoice, Money, Order, Record, Ticket
from gateway.home import Item
from gateway.statuses import is_open_offer, status_of
from web import pieces, words
from web.portal.visit import href


class Row(Struct, frozen=True, kw_only=True):
    """One record. `amount` None: it is not about money. `due`: a day, as programs and as people write it."""

    is_request: bool
    is_offer: bool
    number: str
    name: str
    href: str
    tone: str
    meaning: str
    next_step: str
    chip: Any  # the library's marked text has no type of its own
    meter: Any  # as above
    stamps: Any  # as above
    amount: str | None
    due: tuple[str, str] | None
    days_late: int
    pdf: str | None  # address of the first file


def row_of(item: Item[Record], today: date, stamps: Any = "") -> Row:  # noqa: ANN401  # as above
    """Give the row of a record. `stamps` are for a row that stands for itself."""
    record, address = item.record, href(item)
    name = f"Request {record.number}"
    money: Money | None = None
    due: date | None = None
    pdf = None
    if isinstance(record, Order):
        name = f"{'Quote' if record.state == 'quoted' else 'Order'} {record.number}"
        money, due = record.total, record.valid_until or record.expected_on
    elif isinstance(record, Invoice):
        name = f"Invoice {record.number}"
        money, due = record.open, record.due_on
        pdf = next((f"{address}/files/{quote(file.id, safe='')}" for file in record.files), None)
    elif isinstance(record, Ticket):
        name = record.subject or name
    status = status_of(record, today)
    return Row(
        is_request=isinstance(record, Ticket),
        is_offer=is_open_offer(record, today),
        number=record.number,
        name=name,
        href=address,
        tone=status.tone,
        meaning=status.meaning,
        next_step=status.next_step,
        chip=pieces.chip(status),
        meter=pieces.meter(status),
        stamps=stamps,
        amount=words.money(money) if money else None,
        due=(due.isoformat(), words.day(due, today)) if due else None,
        days_late=(today - due).days if due else 0,
        pdf=pdf,
    )
