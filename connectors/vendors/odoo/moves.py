"""Odoo keeps its invoices, and much else, as moves of its books. Only some of them are a customer's business."""

from collections.abc import Mapping
from decimal import Decimal

from connectors.records import FileRef, InvoiceState
from connectors.vendors.odoo.models import Row
from connectors.vendors.odoo.values import Day, Moment, Ref, Text, given

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
SIGNS: Mapping[str, int] = {"out_invoice": 1, "out_refund": -1}


class MoveRow(Row):
    name: Text
    state: str
    move_type: str
    payment_state: Text
    partner_id: Ref
    commercial_partner_id: Ref
    currency_id: Ref
    amount_total: Decimal
    amount_residual: Decimal
    invoice_date: Day
    invoice_date_due: Day
    invoice_origin: Text
    ref: Text
    access_url: Text
    access_token: Text
    write_date: Moment

    @property
    def shown(self) -> bool:
        numbered = given(self.name) not in (None, "", "/")
        return numbered and self.state in ("posted", "cancel") and self.move_type in SIGNS

    @property
    def asks_for_money(self) -> bool:
        to_pay = self.state == "posted" and STATES.get(given(self.payment_state) or "") in ("open", "part_paid")
        return to_pay and self.move_type == "out_invoice" and self.amount_residual > 0

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
