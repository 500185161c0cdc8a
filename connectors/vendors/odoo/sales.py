"""Whose a sale order is, how far it is, and which ones its customer may see.

Drafts are the seller's own; a quotation that was sent is shown.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from connectors.errors import NotFound
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Leaf, Row, as_key, one
from connectors.vendors.odoo.partners import Partner, partners
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Day, Moment, Ref, Text

MODEL = "sale.order"
QUOTED, CONFIRMED, CANCELLED = "sent", ("sale", "done"), "cancel"  # "done": locked; up to Odoo 16
SHOWN = (QUOTED, *CONFIRMED, CANCELLED)


class OrderRow(Row, kw_only=True):
    name: str
    state: str
    partner_id: Ref
    currency_id: Ref
    amount_total: Decimal
    date_order: Moment | bool
    commitment_date: Moment | bool
    validity_date: Day | bool
    require_payment: bool
    client_order_ref: Text
    write_date: Moment
    delivery_status: Text = False


R = TypeVar("R", bound=OrderRow)


async def find_own(office: Odoo, row: type[R], key: str, customer: str) -> R:
    """Find an order that a customer may see, and that is theirs. Raises `NotFound`."""
    found = await find_shown(office, row, key, customer)
    if customer not in owners_of(found, await contacts_of(office, [found])):
        raise NotFound(f"Odoo {MODEL}: no such order of this customer's")
    return found


async def find_shown(office: Odoo, row: type[R], key: str, customer: str) -> R:
    """Find one that a customer may see, if it is theirs: `owners_of`. Raises `NotFound`."""
    found = await one(office, row, MODEL, theirs(customer), key)
    if found.state not in SHOWN:
        raise NotFound(f"Odoo {MODEL}: a draft")
    return found


async def contacts_of(office: Odoo, rows: Sequence[OrderRow]) -> Mapping[int, Partner]:
    """An order names one of the customer's contacts. Whose it is, that contact's commercial partner says."""
    return await partners(office, (row.partner_id for row in rows))


def owners_of(row: OrderRow, contacts: Mapping[int, Partner]) -> frozenset[str]:
    contact = contacts.get(values.key(row.partner_id))
    return values.owners(contact.commercial_partner_id) if contact else frozenset()


def theirs(customer: str) -> list[Leaf]:
    """Ask for the orders that a customer may see."""
    return [("state", "in", SHOWN), of_customer(customer)]


def of_customer(customer: str) -> Leaf:
    return ("partner_id.commercial_partner_id", "=", as_key(customer))
