"""What Home says of a record in its row: words and pieces, which the template puts in their places.

A row is the same for whoever may see its record and reads its language, as long as neither the list nor the day is
another.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from cache.same import Same
from connectors.records import Invoice, Kind, Money, Order, Record, Ticket
from gateway.home import LISTS, share_of
from gateway.languages import Voice, gettext, gettext_noop
from gateway.statuses import is_open_offer, status_of
from web import pieces, words
from web.portal.visit import href_of
from web.view import View


class Row(Struct, frozen=True, kw_only=True):
    """One record. `amount` None: it is not about money. `due`: a day."""

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
    amount: str | None
    due: Any  # as above
    days_late: int
    pdf: str | None  # address of the first file


@lru_cache(maxsize=LISTS)
def rows_of(  # noqa: PLR0917  # all that it is kept by
    records: Same[tuple[Record, ...]],
    kind: Kind,
    source: str,
    today: date,
    view: View,
    speaks: Voice,  # noqa: ARG001  # the one of now
) -> Mapping[str, Any]:
    """Write the rows of a list, by the ids of their records."""
    share = share_of(records, today)
    shown = [("home_need.html", record) for _, record in share.needs]
    shown += [("home_row.html", record) for _, record in share.under_way]
    return {
        record.origin.id: view.piece(template, {"row": row_of(record, href_of(kind, source, record), today)})
        for template, record in shown
    }


def row_of(record: Record, address: str, today: date) -> Row:
    name = gettext("Request {number}", number=record.number)
    money: Money | None = None
    due: date | None = None
    pdf = None
    if isinstance(record, Order):
        is_quote = record.state == "quoted"
        text = gettext_noop("Quote {number}") if is_quote else gettext_noop("Order {number}")
        name = gettext(text, number=record.number)
        money, due = record.total, record.valid_until or record.expected_on
    elif isinstance(record, Invoice):
        name = gettext("Invoice {number}", number=record.number)
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
        amount=words.money(money) if money else None,
        due=pieces.on(due, words.day(due, today)) if due else None,
        days_late=(today - due).days if due else 0,
        pdf=pdf,
    )
