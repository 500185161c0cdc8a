"""The account that the token is for, and what the token may read there."""

from typing import Annotated

from msgspec import Meta, Struct

from connectors.errors import AccessDenied
from connectors.vendors.hubspot.api import HubSpot, get

DETAILS = "/account-info/v3/details"  # any good token may ask for these

# What we ask for, and the scope that allows it. A pipeline may be read by several; these are the narrowest.
SCOPES = (
    ("/crm/v3/objects/contacts", "crm.objects.contacts.read"),
    ("/crm/v3/objects/companies", "crm.objects.companies.read"),
    ("/crm/v3/objects/orders", "crm.objects.orders.read"),
    ("/crm/v3/objects/deals", "crm.objects.deals.read"),
    ("/crm/v3/objects/line_items", "crm.objects.line_items.read"),
    ("/crm/v3/pipelines/orders", "crm.pipelines.orders.read"),
    ("/crm/v3/pipelines/deals", "crm.schemas.deals.read"),
)


class Account(Struct, rename="camel"):
    portal_id: Annotated[int, Meta(ge=1)]
    ui_domain: str
    company_currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


class Anything(Struct):
    results: list[dict[str, object]]


async def read_account(office: HubSpot) -> Account:
    return await get(office, Account, DETAILS)


async def check(office: HubSpot) -> str:
    """Say which account this is, after a look at all that we read: a token may be good and its scopes not."""
    account = await read_account(office)
    missing = [scope for path, scope in SCOPES if not await _may_read(office, path)]
    if missing:
        raise AccessDenied(f"HubSpot: the token may not read all that we need. Add to its scopes: {', '.join(missing)}")
    return f"HubSpot, account {account.portal_id} at {account.ui_domain[:60]}"


async def _may_read(office: HubSpot, path: str) -> bool:
    try:
        await get(office, Anything, path, {"limit": "1"} if "/objects/" in path else None)
    except AccessDenied:
        return False
    return True
