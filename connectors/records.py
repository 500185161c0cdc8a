"""The portal's own words for what a customer has. Vendor words stop at the connector.

Money is `Decimal` with an ISO 4217 code, due dates are dates without a zone, instants are aware and in UTC.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

OrderState = Literal["quoted", "received", "confirmed", "packed", "on_its_way", "delivered", "cancelled", "unknown"]
# Held to when a snapshot is read. On this very machine, where nobody is on the way, http does: a demo has no TLS.
HttpsUrl = Annotated[str, Meta(pattern=r"^(https://|http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?/)[!-~]+\Z")]
ShipmentState = Literal["waiting", "packed", "on_its_way", "delivered", "cancelled", "unknown"]
InvoiceState = Literal["open", "part_paid", "paid", "credited", "cancelled", "unknown"]
TicketState = Literal["received", "working", "awaiting_customer", "solved", "unknown"]


class Money(Struct, frozen=True, order=True):
    """An exact amount; never added to one of another currency."""

    currency: str
    amount: Decimal


class Origin(Struct, frozen=True, kw_only=True):
    """Where a record is from and how old it is."""

    source: str
    id: str
    url: str | None = None
    changed_at: datetime | None = None  # their clock
    fetched_at: datetime  # our clock, before the question was asked


class FileRef(Struct, frozen=True, kw_only=True):
    """A file that can be opened through the source that named it. `size` is in bytes."""

    id: str
    name: str
    media_type: str
    size: int | None = None


class Line(Struct, frozen=True, kw_only=True):
    """One line of an order or an invoice. A heading or a note has neither quantity nor total."""

    text: str
    quantity: Decimal | None = None
    total: Money | None = None


class Wording(Struct, frozen=True, kw_only=True):
    """What staff say about a status, in their words. None: the usual ones. `mails`: mails may tell of the record."""

    label: str | None = None
    meaning: str | None = None
    next_step: str | None = None
    mails: bool = True


class Record(Struct, frozen=True, kw_only=True):
    """What every record carries. `number` is what the customer knows it by, `vendor_state` is never shown.

    `state` is one of the kind's own words; "unknown" where nobody has said what the vendor's word means. `people`
    are the persons there whose own it is: who asked, or the contact it names; never who is only copied in. `wording`
    is staff's, put on when a record is looked at: no connector gives one.
    """

    origin: Origin
    number: str
    state: str
    vendor_state: str
    people: tuple[str, ...] = ()
    wording: Wording | None = None


class Shipment(Struct, frozen=True, kw_only=True):
    """A part of an order on its way. `tracking_url` is the carrier's own page."""

    number: str
    state: ShipmentState
    shipped_on: date | None = None
    expected_on: date | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: HttpsUrl | None = None


class Order(Record, frozen=True, kw_only=True):
    """Something the customer bought, or was offered.

    `total` None: what it comes to is not shown; every connector gives it. `awaits_answer`: an offer that may be
    accepted or declined as it stands, up to and with the day `valid_until`.
    """

    state: OrderState
    total: Money | None
    ordered_at: datetime | None = None
    expected_on: date | None = None
    valid_until: date | None = None
    awaits_answer: bool = False
    reference: str | None = None  # the customer's own order number
    title: str | None = None  # what it is about, where the source says it in a line
    lines: tuple[Line, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    files: tuple[FileRef, ...] = ()


class Invoice(Record, frozen=True, kw_only=True):
    """A bill, or a credit note. `open` is what is still to pay; a credit note's amounts are negative.

    Both are None where amounts are not shown; every connector gives them.
    """

    state: InvoiceState
    total: Money | None
    open: Money | None
    is_credit_note: bool = False
    issued_on: date | None = None
    due_on: date | None = None
    order_number: str | None = None
    pay_url: HttpsUrl | None = None  # the source's own page for paying it
    reference: str | None = None  # the customer's own order number
    lines: tuple[Line, ...] = ()
    files: tuple[FileRef, ...] = ()


class Message(Struct, frozen=True, kw_only=True):
    """One public message. There is no type for an internal one, so none can be stored or shown."""

    id: str
    author: str
    from_customer: bool
    at: datetime
    body: str
    media_type: Literal["text/plain", "text/html"]
    files: tuple[FileRef, ...] = ()
    public: Literal[True] = True


class Ticket(Record, frozen=True, kw_only=True):
    """A request as the helpdesk knows it. `messages` is None where only the list was read."""

    state: TicketState
    subject: str
    created_at: datetime
    messages: tuple[Message, ...] | None = None


Kind = Literal["orders", "invoices", "tickets"]
KINDS: dict[Kind, type[Record]] = {"orders": Order, "invoices": Invoice, "tickets": Ticket}
