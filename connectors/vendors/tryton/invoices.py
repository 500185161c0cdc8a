"""Invoices to customers, once they are posted: that is when they get a number. A credit note has negative amounts."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
from msgspec import Struct

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import done_words, is_done
from connectors.errors import NotFound
from connectors.records import FileRef, Invoice, InvoiceState
from connectors.vendors.tryton import values
from connectors.vendors.tryton.formats import FORMATS, REPORT
from connectors.vendors.tryton.rest import Clause, Row, Tryton, as_key, newest, one
from connectors.vendors.tryton.values import Amount, Currency, Day, LineRow, Moment

MODEL = "account.invoice"
NOT_YET = ("draft", "validated")
STATES: Mapping[str, InvoiceState] = {
    "posted": "open",
    "partially paid": "part_paid",  # Tryton's word on the sale; the invoice itself stays "posted"
    "paid": "paid",
    "cancelled": "cancelled",
}
OPEN: Sequence[Clause] = (("state", "not in", done_words("invoices", STATES)),)


class PaymentRow(Struct):
    """A line to pay. `reconciliation` is what settled it."""

    maturity_date: Day | None
    reconciliation: int | None


class TaxRow(Struct):
    description: str
    amount: Amount


class SaleRef(Struct):
    number: str | None
    reference: str | None


class InvoiceRow(Row):
    party: int
    type: str
    number: str | None
    state: str
    currency: Currency
    total_amount: Amount
    amount_to_pay: Amount
    invoice_date: Day | None
    reference: str | None
    invoice_report_format: str | None  # of the document that Tryton made of it when it was posted
    write_date: Moment | None
    create_date: Moment | None
    lines: list[LineRow]
    taxes: list[TaxRow]
    lines_to_pay: list[PaymentRow]
    sales: list[SaleRef] = msgspec.field(default_factory=list)

    @property
    def shown(self) -> bool:
        return self.type == "out" and self.state not in NOT_YET and bool(self.number)

    @property
    def files(self) -> tuple[FileRef, ...]:
        form = FORMATS.get(self.invoice_report_format or "")
        if form is None or self.state not in ("posted", "paid"):
            return ()
        name = f"Invoice-{self.number}.{form.extension}".replace("/", "_")
        return (FileRef(id=REPORT, name=name, media_type=form.media_type),)


async def read_invoices(office: Tryton, query: Query) -> Page[Invoice]:
    wanted: list[Clause] = [
        ("party", "=", as_key(query.customer)),
        ("type", "=", "out"),
        ("state", "not in", NOT_YET),
        ("number", "!=", None),
        *(OPEN if query.only_open else ()),
    ]
    rows, cursor = await newest(office, InvoiceRow, MODEL, wanted, query.cursor)
    answers = await answers_of(office, [row for row in rows if row.shown], query.asked_at)
    # One that is settled may stay "posted" for a while, and Tryton can't search by what is left to pay.
    return Page(tuple(each for each in answers if not (query.only_open and is_done("invoices", each.record))), cursor)


async def fetch_invoice(office: Tryton, query: RecordQuery) -> Answer[Invoice]:
    return _answer(office, await find_invoice(office, query.id, query.customer), query.asked_at)


async def answers_of(office: Tryton, rows: Sequence[InvoiceRow], asked_at: datetime) -> tuple[Answer[Invoice], ...]:
    return tuple(_answer(office, row, asked_at) for row in rows)


async def find_invoice(office: Tryton, key: str, customer: str) -> InvoiceRow:
    """Find one that a customer may see. Raises `NotFound`."""
    row = await one(office, InvoiceRow, MODEL, as_key(key))
    if not row.shown or str(row.party) != customer:
        raise NotFound(f"Tryton {MODEL}: no such invoice of this customer's")
    return row


def _answer(office: Tryton, row: InvoiceRow, asked_at: datetime) -> Answer[Invoice]:
    state = _state(row)
    references = [row.reference, *(sale.reference for sale in row.sales)]
    invoice = Invoice(
        origin=values.origin(office, row.id, row.write_date, row.create_date, asked_at),
        number=row.number or "",
        vendor_state=state,
        state=STATES.get(state, "unknown"),
        total=row.currency.money(row.total_amount),
        open=row.currency.money(row.amount_to_pay),
        is_credit_note=row.total_amount.value < 0,
        issued_on=values.on(row.invoice_date),
        due_on=_due_on(row),
        order_number=", ".join(filter(None, (sale.number for sale in row.sales))) or None,
        reference=next(filter(None, references), None),
        lines=values.lines(row.lines, row.currency, [(tax.description, tax.amount) for tax in row.taxes]),
        files=row.files,
    )
    return Answer(frozenset({str(row.party)}), invoice)


def _state(row: InvoiceRow) -> str:
    """Tell paid from open by what is left to pay: a payment counts there before the books are closed over it."""
    left, total = row.amount_to_pay.value, row.total_amount.value
    if row.state != "posted":
        return row.state
    if left * total <= 0:  # nothing is left, or more was paid than asked for
        return "paid"
    return "posted" if left == total else "partially paid"


def _due_on(row: InvoiceRow) -> date | None:
    """The day on which the next part is due. Of an invoice that is settled, the day on which its first part was."""
    still = [each for each in row.lines_to_pay if each.reconciliation is None] or row.lines_to_pay
    return min((each.maturity_date.value for each in still if each.maturity_date), default=None)
