"""Invoices and credit notes, once they are posted. A cancelled one that was posted before has a number."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import done_words
from connectors.errors import NotFound
from connectors.records import Invoice, Origin
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Leaf, as_key, newest, one, search
from connectors.vendors.odoo.moves import MODEL, SIGNS, STATES, LineRow, MoveRow
from connectors.vendors.odoo.partners import partners, people
from connectors.vendors.odoo.portal import page_url
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Currency, given

OPEN: Sequence[Leaf] = (("state", "=", "posted"), ("payment_state", "not in", done_words("invoices", STATES)))


async def read_invoices(office: Odoo, query: Query) -> Page[Invoice]:
    wanted = [*_theirs(query.customer), *(OPEN if query.only_open else ())]
    rows, cursor = await newest(office, MoveRow, MODEL, wanted, query.cursor)
    return Page(await answers_of(office, [row for row in rows if row.shown], query.asked_at), cursor)


async def fetch_invoice(office: Odoo, query: RecordQuery) -> Answer[Invoice]:
    (answer,) = await answers_of(office, [await find_invoice(office, query.id, query.customer)], query.asked_at)
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


async def answers_of(office: Odoo, rows: Sequence[MoveRow], asked_at: datetime) -> tuple[Answer[Invoice], ...]:
    if not rows:
        return ()
    within: list[Leaf] = [
        ("move_id", "in", [row.id for row in rows]),
        ("display_type", "in", ["product", "line_section", "line_note"]),
    ]
    lines = await search(office, LineRow, "account.move.line", within, order="sequence, id")
    money = await values.currencies(office, (row.currency_id for row in rows))
    contacts = await partners(office, (row.partner_id for row in rows))

    def answer(row: MoveRow) -> Answer[Invoice]:
        its_lines = [each for each in lines if values.key(each.move_id) == row.id]
        origin = values.origin(office, row.id, row.write_date, asked_at)
        invoice = msgspec.structs.replace(
            _invoice(row, its_lines, money[row.currency_id], origin),
            people=people(row.partner_id, contacts),
            pay_url=page_url(office, row.access_url, row.access_token) if row.asks_for_money else None,
        )
        return Answer(values.owners(row.commercial_partner_id), invoice)

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
