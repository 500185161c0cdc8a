"""What an automation rule sends: which record of which model. Odoo signs nothing, so the address holds the secret.

https://www.odoo.com/documentation/18.0/applications/studio/automated_actions.html
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from connectors.deliveries import Delivery, Event, News, Verified, Webhook, decode
from connectors.records import Kind
from connectors.signatures import key_in_address
from connectors.vendors.odoo import tickets
from connectors.vendors.odoo.models import Row
from connectors.vendors.odoo.models import read as read_rows
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.values import Ref, key, owners

MODELS: Mapping[str, Kind] = {"sale.order": "orders", "account.move": "invoices", tickets.MODEL: "tickets"}
STEPS = (
    "Settings > Technical > Automation Rules: one for each of sales orders, journal entries and tickets, on save, "
    'action "Send Webhook Notification" to the address above, with the value of `webhook_secret` as its key.'
)


class Push(Struct, rename={"record": "_id", "model": "_model"}):
    record: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    model: str


class Named(Row):
    partner_id: Ref


class Partner(Row):
    commercial_partner_id: Ref


def verify(delivery: Delivery, config: OdooConfig) -> Verified:
    return key_in_address(delivery, config.webhook_secrets)


def read(verified: Verified) -> News:
    push = decode(verified, Push)
    kind = MODELS.get(push.model)
    return News(None, (Event(kind=kind, record=str(push.record)),) if kind else ())


async def owners_of(office: Odoo, event: Event) -> frozenset[str]:
    model = next(model for model, kind in MODELS.items() if kind == event.kind)
    rows = await read_rows(office, Named, model, {int(event.record or 0)})
    partners = await read_rows(office, Partner, "res.partner", {key(row.partner_id) for row in rows.values()} - {0})
    return frozenset().union(*(owners(partner.commercial_partner_id) for partner in partners.values()))


webhook = Webhook(verify=verify, read=read, owners=owners_of, steps=STEPS, behind="?key=<webhook_secret>", is_ours=True)
