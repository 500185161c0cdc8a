"""An earlier order again, as a draft that staff look at.

Odoo remembers no key of a request, so the draft carries our reference as its source document, where we look for it.
Odoo ends a request after two minutes (`limit_time_real`): what we gave up waiting for shows by then, or never.
"""

from datetime import timedelta
from decimal import Decimal

from connectors.actions import Action, Done, OrderAgain, after_it, looking
from connectors.errors import BadResponse, Refused
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Leaf, Row, read, search
from connectors.vendors.odoo.rpc import Odoo, execute_once
from connectors.vendors.odoo.sales import MODEL, OrderRow, find_own, of_customer
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.values import Ref, Text

FOUND_WITHIN = timedelta(seconds=150)


class PastRow(OrderRow, kw_only=True):
    company_id: Ref


class MadeRow(Row):
    name: str


class LineRow(Row):
    display_type: Text
    product_id: Ref
    product_uom: Ref
    product_uom_qty: Decimal
    price_total: Decimal
    is_downpayment: bool
    is_delivery: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether it is something that was ordered: no heading, no part payment, no discount and no carriage."""
        is_extra = bool(self.display_type) or self.is_downpayment or self.is_delivery
        return not is_extra and self.product_uom_qty > 0 and self.price_total >= 0


class ProductRow(Row):
    active: bool
    sale_ok: bool


async def order_again(office: Odoo, asked: OrderAgain) -> Done:
    """Make a draft of the same products. What they cost today, Odoo says."""
    with looking():
        past = await find_own(office, PastRow, asked.order, asked.customer)
        lines = await _wanted_lines(office, past.id)
    draft = {
        "partner_id": values.key(past.partner_id),
        "company_id": values.key(past.company_id),
        "origin": asked.reference,
        "order_line": [(0, 0, line) for line in lines],
    }
    await execute_once(office, list[int], MODEL, "create", [draft])
    with after_it():
        done = await find_draft(office, asked)
    if done is None:
        raise BadResponse(f"Odoo {MODEL}.create: made no order that is found under its reference")
    return done


async def find_draft(office: Odoo, asked: OrderAgain) -> Done | None:
    """Look for what carries our reference, whatever has become of it. Who copies an order copies that too."""
    within: list[Leaf] = [("origin", "=", asked.reference), of_customer(asked.customer)]
    rows = await search(office, MadeRow, MODEL, within, order="id", limit=1)
    return Done(record=str(rows[0].id), number=rows[0].name) if rows else None


async def _wanted_lines(office: Odoo, order: int) -> list[dict[str, object]]:
    """Write down what was ordered. Raises `Refused` where some of it is not sold any more, or there is nothing."""
    rows = await search(office, LineRow, "sale.order.line", [("order_id", "=", order)], order="sequence, id")
    lines = [row for row in rows if row.is_wanted]
    wanted = values.keys(row.product_id for row in lines)
    sold = await read(office, ProductRow, "product.product", wanted)
    if not lines or any(key not in sold or not sold[key].active or not sold[key].sale_ok for key in wanted):
        raise Refused(f"Odoo {MODEL}: a product of it is not sold any more, or it has none")
    return [
        {
            "product_id": values.key(row.product_id),
            "product_uom": values.key(row.product_uom),
            "product_uom_qty": float(row.product_uom_qty),
        }
        for row in lines
    ]


to_order_again: Action[OdooConfig, OrderAgain] = Action(do=order_again, find=find_draft, found_within=FOUND_WITHIN)
