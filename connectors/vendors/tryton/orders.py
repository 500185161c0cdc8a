"""Sales. A draft is the seller's own; what has a number was quoted at least once, so the customer knows it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from msgspec import Struct

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import done_words
from connectors.errors import NotFound
from connectors.records import Order, OrderState
from connectors.vendors.tryton import values
from connectors.vendors.tryton.formats import Format
from connectors.vendors.tryton.parties import EMAIL
from connectors.vendors.tryton.rest import Clause, Domain, Row, Tryton, as_key, newest, one
from connectors.vendors.tryton.shipments import ShipmentRow, absent, note_format
from connectors.vendors.tryton.values import Amount, Currency, Day, LineRow, Moment

MODEL = "sale.sale"
QUOTED = "quotation"
TAX = "Tax"  # a sale has a sum of its taxes, and no words for it

# The state of a sale stays "processing" until all is sent and paid. What a customer wants to know meanwhile is in
# `shipment_state`, and that counts goods as sent only when their shipment is done: see `_state`.
STATES: Mapping[str, OrderState] = {
    QUOTED: "quoted",
    "confirmed": "confirmed",
    "processing": "confirmed",  # what follows says it better
    "done": "delivered",  # and paid
    "cancelled": "cancelled",
    # shipment_state
    "none": "confirmed",  # nothing to ship, or nothing yet: after payment, or by hand
    "waiting": "confirmed",
    "partially shipped": "on_its_way",
    "sent": "delivered",
    "exception": "confirmed",  # a shipment was cancelled, and staff have yet to say what instead
    # stock.shipment.out
    "packed": "packed",
    "shipped": "on_its_way",
}
OPEN: Domain = (
    ("state", "not in", done_words("orders", STATES)),
    ("OR", ("state", "!=", "processing"), ("shipment_state", "not in", done_words("orders", STATES))),
)


class ContactRow(Struct):
    """One of the addresses of a party: the only word that Tryton has for a person."""

    id: int
    type: str


class SaleRow(Row):
    party: int
    contact: ContactRow | None
    number: str | None
    state: str
    shipment_state: str
    currency: Currency
    total_amount: Amount
    tax_amount: Amount
    quotation_date: Day | None
    quotation_expire: Day | None
    sale_date: Day | None
    shipping_date: Day | None
    reference: str | None
    description: str | None
    write_date: Moment | None
    create_date: Moment | None
    lines: list[LineRow]
    shipments: list[ShipmentRow]

    @property
    def people(self) -> tuple[str, ...]:
        return (str(self.contact.id),) if self.contact and self.contact.type == EMAIL else ()

    @property
    def shown(self) -> bool:
        """Tryton was asked for these only; this is for a record that is fetched, and for a server that ignores us."""
        return self.state != "draft" and bool(self.number)


async def read_orders(office: Tryton, query: Query) -> Page[Order]:
    theirs: list[Clause] = [("party", "=", as_key(query.customer)), ("state", "!=", "draft"), ("number", "!=", None)]
    wanted = [*theirs, *(OPEN if query.only_open else ())]
    rows, cursor = await newest(office, SaleRow, MODEL, wanted, query.cursor, without=await absent(office))
    return Page(await answers_of(office, [row for row in rows if row.shown], query.asked_at), cursor)


async def fetch_order(office: Tryton, query: RecordQuery) -> Answer[Order]:
    row = await find_order(office, query.id, query.customer)
    return _answer(office, row, await note_format(office, row.shipments), query.asked_at)


async def find_order(office: Tryton, key: str, customer: str) -> SaleRow:
    """Find one that a customer may see. Raises `NotFound`."""
    number = as_key(key)
    row = await one(office, SaleRow, MODEL, number, without=await absent(office))
    if not row.shown or str(row.party) != customer:
        raise NotFound(f"Tryton {MODEL}: no such order of this customer's")
    return row


async def answers_of(office: Tryton, rows: Sequence[SaleRow], asked_at: datetime) -> tuple[Answer[Order], ...]:
    form = await note_format(office, (shipment for row in rows for shipment in row.shipments))
    return tuple(_answer(office, row, form, asked_at) for row in rows)


def _answer(office: Tryton, row: SaleRow, form: Format | None, asked_at: datetime) -> Answer[Order]:
    state = _state(row)
    ordered = row.sale_date or row.quotation_date
    order = Order(
        origin=values.origin(office, row.id, row.write_date, row.create_date, asked_at),
        number=row.number or "",
        vendor_state=state,
        people=row.people,
        state=STATES.get(state, "unknown"),
        total=row.currency.money(row.total_amount),
        ordered_at=datetime.combine(ordered.value, time(tzinfo=UTC)) if ordered else None,
        expected_on=_expected_on(row),
        valid_until=values.on(row.quotation_expire) if row.state == QUOTED else None,
        awaits_answer=row.state == QUOTED,
        reference=row.reference or None,
        title=row.description or None,
        lines=values.lines(row.lines, row.currency, [(TAX, row.tax_amount)]),
        shipments=tuple(each.shipment for each in row.shipments if each.number),
        files=tuple(each.note(form) for each in row.shipments if form and each.has_left),
    )
    return Answer(frozenset({str(row.party)}), order)


def _state(row: SaleRow) -> str:
    """Say how far a sale is, in the words of the sale or of its shipments, whichever know more."""
    if row.state != "processing":
        return row.state
    if row.shipment_state != "waiting":
        return row.shipment_state
    under_way = {each.state for each in row.shipments} - {"cancelled"}
    if "shipped" in under_way:
        return "shipped"
    return "packed" if under_way == {"packed"} else "waiting"


def _expected_on(row: SaleRow) -> date | None:
    """The day on which the last of it is planned, or else the one that was agreed on for the start."""
    planned = [each.planned_date.value for each in row.shipments if each.planned_date and each.state != "cancelled"]
    return max(planned, default=values.on(row.shipping_date))
