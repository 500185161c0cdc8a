"""Invoices and credit notes, once they are posted. A cancelled one that was posted before has a number."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import done_words
from connectors.errors import NotFound
from connectors.records import FileRef, Invoice, InvoiceState, Origin
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Leaf, Row, as_key, newest, one, search
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Currency, Day, Moment, Ref, Text, given

MODEL = "account.move"
PDF = "pdf"  # the id of an invoice's one file
STATES: Mapping[str, InvoiceState] = {
    "not_paid": "open",
    "in_payment": "paid",  # not yet reconciled with the bank
    "paid": "paid",
    "partial": "part_paid",
    "reversed": "credited",
    "blocked": "open",
    "invoicing_legacy": "unknown",  # from an older Odoo, without its payments
    "cancel": "cancelled",
}
OPEN: Sequence[Leaf] = (("state", "=", "posted"), ("payment_state", "not in", done_words("invoices", STATES)))
SIGNS: Mapping[str, int] = {"out_invoice": 1, "out_refund": -1}


class MoveRow(Row):
    name: Text
    state: str
    move_type: str
    payment_state: Text
    commercial_partner_id: Ref
    currency_id: Ref
    amount_total: Decimal
    amount_residual: Decimal
    invoice_date: Day
    invoice_date_due: Day
    invoice_origin: Text
    ref: Text
    write_date: Moment

    @property
    def shown(self) -> bool:
        numbered = given(self.name) not in (None, "", "/")
        return numbered and self.state in ("posted", "cancel") and self.move_type in SIGNS

    @property
    def files(self) -> tuple[FileRef, ...]:
        if self.state != "posted":
            return ()
        name = str(self.name).replace("/", "_")
        return (FileRef(id=PDF, name=f"{name}.pdf", media_type="application/pdf"),)


class LineRow(Row):
    move_id: Ref
    display_type: Text
    name: Text
    quantity: Decimal
    price_total: Decimal


async def read_invoices(office: Odoo, query: Query) -> Page[Invoice]:
    wanted = [*_theirs(query.customer), *(OPEN if query.only_open else ())]
    rows, cursor = await newest(office, MoveRow, MODEL, wanted, query.cursor)
    return Page(await _answers(office, [row for row in rows if row.shown], query.asked_at), cursor)


async def fetch_invoice(office: Odoo, query: RecordQuery) -> Answer[Invoice]:
    (answer,) = await _answers(office, [await find_invoice(office, query.id, query.customer)], query.asked_at)
    return answer


async def find_invoice(office: Odoo, key: str, customer: str) -> MoveRow:
    """Find one that a customer may see. Raises `NotFound`."""
    row = await one(office, MoveRow, MODEL, _theirs(customer), key)
    if not row.shown:
        raise NotFound(f"Odoo {MODEL}: was never posted")
    return row


def _theirs(customer: str) -> list[Leaf]:
    return [
        ("move_type", "in", list(SIGNS)),
        ("state", "in", ["posted", "cancel"]),
        ("commercial_partner_id", "=", as_key(customer)),
    ]


async def _answers(office: Odoo, rows: Sequence[MoveRow], asked_at: datetime) -> tuple[Answer[Invoice], ...]:
    if not rows:
        return ()
    within: list[Leaf] = [
        ("move_id", "in", [row.id for row in rows]),
        ("display_type", "in", ["product", "line_section", "line_note"]),
    ]
    lines = await search(office, LineRow, "account.move.line", within, order="sequence, id")
    money = await values.currencies(office, (row.currency_id for row in rows))

    def answer(row: MoveRow) -> Answer[Invoice]:
        its_lines = [each for each in lines if values.key(each.move_id) == row.id]
        origin = values.origin(office, row.id, row.write_date, asked_at)
        return Answer(
            values.owners(row.commercial_partner_id), _invoice(row, its_lines, money[row.currency_id], origin)
        )

    return tuple(map(answer, rows))


def _invoice(row: MoveRow, lines: Sequence[LineRow], currency: Currency, origin: Origin) -> Invoice:
    state = "cancel" if row.state == "cancel" else given(row.payment_state) or ""
    sign = SIGNS[row.move_type]
    return Invoice(
        origin=origin,
        number=str(row.name),
        vendor_state=state,
        state=STATES.get(state, "unknown"),
        total=currency.money(row.amount_total, sign),
        open=currency.money(row.amount_residual, sign),
        is_credit_note=row.move_type == "out_refund",
        issued_on=given(row.invoice_date),
        due_on=given(row.invoice_date_due),
        order_number=given(row.invoice_origin) or None,
        reference=given(row.ref) or None,
        lines=tuple(
            values.line(
                each.name,
                each.quantity,
                currency.money(each.price_total, sign),
                heading=each.display_type != "product",
            )
            for each in lines
        ),
        files=row.files,
    )
