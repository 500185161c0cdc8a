"""What the JSON says: the portal's own words, and nothing that a page would not show.

Amounts are decimal text with their ISO 4217 code; days are ISO dates, instants ISO with the zone. A record is named by
its source and their id, as in the addresses of pages.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from msgspec import Struct

from connectors.records import FileRef, Invoice, Line, Message, Money, Order, Record, Ticket
from gateway.account_view import Part
from gateway.home import Item, Total
from gateway.rights import AREA_OF
from gateway.statuses import status_of
from web.portal.visit import href
from web.stamps import Stamp, stamps_of

T = TypeVar("T")


class Amount(Struct, frozen=True):
    amount: str
    currency: str


class Status(Struct, frozen=True, rename="camel"):
    """`label` is what pages say; `state` is for programs."""

    state: str
    label: str
    meaning: str
    next_step: str


class File(Struct, frozen=True, rename="camel", omit_defaults=True):
    name: str
    href: str
    media_type: str
    size: int | None = None  # bytes


class LineItem(Struct, frozen=True, omit_defaults=True):
    text: str
    quantity: str | None = None
    total: Amount | None = None


class Base(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    source: str
    id: str
    number: str
    status: Status
    href: str  # of the record in this API
    changed_at: datetime | None = None
    fetched_at: datetime


class OrderShape(Base, frozen=True, kw_only=True):
    """Without `total` where what it comes to is not shown."""

    total: Amount | None = None
    title: str | None = None
    reference: str | None = None
    ordered_at: datetime | None = None
    expected_on: date | None = None
    lines: list[LineItem] = []
    files: list[File] = []


class InvoiceShape(Base, frozen=True, kw_only=True):
    """Without `total` and `open` where amounts are not shown."""

    total: Amount | None = None
    open: Amount | None = None
    is_credit_note: bool
    issued_on: date | None = None
    due_on: date | None = None
    order_number: str | None = None
    reference: str | None = None
    pay_url: str | None = None
    lines: list[LineItem] = []
    files: list[File] = []


class MessageShape(Struct, frozen=True, rename="camel", omit_defaults=True):
    """`body` is as the helpdesk has it: clean it before it goes onto a page."""

    author: str
    from_customer: bool
    at: datetime
    media_type: Literal["text/plain", "text/html"]
    body: str
    files: list[File] = []


class RequestShape(Base, frozen=True, kw_only=True):
    subject: str
    created_at: datetime
    messages: list[MessageShape] | None = None


class SourceAge(Struct, frozen=True, rename="camel"):
    """How old a source's part of an answer is. `fetchedAt` null: nothing is known of it yet."""

    source: str
    title: str
    state: Literal["ontime", "late", "paused", "waiting", "down"]
    fetched_at: datetime | None
    promise_seconds: float


class Page(Struct, Generic[T], frozen=True):
    """`next` is the `after` of the next page; null at the end."""

    items: list[T]
    next: str | None
    sources: list[SourceAge]


class One(Struct, Generic[T], frozen=True):
    item: T
    sources: list[SourceAge]


class Brief(Base, frozen=True, kw_only=True):
    """A record of any kind, by its heading."""

    kind: Literal["orders", "invoices", "requests"]
    title: str


class TotalShape(Struct, frozen=True, rename="camel"):
    to_pay: Amount
    count: int
    overdue: Amount
    overdue_count: int
    next_due_on: date | None


class HomeShape(Struct, frozen=True, rename="camel"):
    """What needs the customer, what is under way, and what is to pay in each currency."""

    account: str
    needs: list[Brief]
    under_way: list[Brief]
    totals: list[TotalShape]
    sources: list[SourceAge]


def order(item: Item[Order], today: date) -> OrderShape:
    record = item.record
    return OrderShape(
        **_base(item, today),
        total=_maybe(record.total),
        title=record.title,
        reference=record.reference,
        ordered_at=record.ordered_at,
        expected_on=record.expected_on,
        lines=_lines(record.lines),
        files=_files(item, record.files),
    )


def invoice(item: Item[Invoice], today: date) -> InvoiceShape:
    record = item.record
    return InvoiceShape(
        **_base(item, today),
        total=_maybe(record.total),
        open=_maybe(record.open),
        is_credit_note=record.is_credit_note,
        issued_on=record.issued_on,
        due_on=record.due_on,
        order_number=record.order_number,
        reference=record.reference,
        pay_url=record.pay_url,
        lines=_lines(record.lines),
        files=_files(item, record.files),
    )


def request(item: Item[Ticket], today: date) -> RequestShape:
    record = item.record
    messages = None if record.messages is None else [_message(item, message) for message in record.messages]
    return RequestShape(**_base(item, today), subject=record.subject, created_at=record.created_at, messages=messages)


def brief(item: Item[Record], today: date) -> Brief:
    title = item.record.subject if isinstance(item.record, Ticket) else item.record.number
    return Brief(**_base(item, today), kind=AREA_OF[item.part.kind], title=title)


def total(of: Total) -> TotalShape:
    return TotalShape(_amount(of.to_pay), of.count, _amount(of.overdue), of.overdue_count, of.next_due_on)


def sources(parts: Iterable[Part]) -> list[SourceAge]:
    return [_age(stamp) for stamp in stamps_of(parts)]


def _age(stamp: Stamp) -> SourceAge:
    return SourceAge(stamp.source, stamp.title, stamp.state, stamp.at, stamp.promise)


def _base(item: Item[Record], today: date) -> dict[str, Any]:
    record = item.record
    words = status_of(record, today)
    return {
        "source": item.part.source,
        "id": record.origin.id,
        "number": record.number,
        "status": Status(record.state, words.label, words.meaning, words.next_step),
        "href": f"/api/v1{href(item)}",
        "changed_at": record.origin.changed_at,
        "fetched_at": record.origin.fetched_at,
    }


def _amount(money: Money) -> Amount:
    return Amount(f"{money.amount:f}", money.currency)


def _maybe(money: Money | None) -> Amount | None:
    return _amount(money) if money else None


def _lines(lines: Iterable[Line]) -> list[LineItem]:
    return [
        LineItem(
            line.text,
            None if line.quantity is None else f"{line.quantity:f}",
            None if line.total is None else _amount(line.total),
        )
        for line in lines
    ]


def _files(item: Item[Record], files: Iterable[FileRef]) -> list[File]:
    """Files are fetched where pages fetch them."""
    return [
        File(file.name, f"{href(item)}/files/{quote(file.id, safe='')}", file.media_type, file.size) for file in files
    ]


def _message(item: Item[Ticket], message: Message) -> MessageShape:
    return MessageShape(
        author=message.author,
        from_customer=message.from_customer,
        at=message.at,
        media_type=message.media_type,
        body=message.body,
        files=_files(item, message.files),
    )
