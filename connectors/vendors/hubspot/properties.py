"""What HubSpot knows of a company, or of a contact who is a customer: any property of theirs, by its internal name."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from connectors.contract import Properties
from connectors.errors import NotFound
from connectors.properties import spelled, told
from connectors.vendors.hubspot.api import HubSpot, Id, as_id, get
from connectors.vendors.hubspot.associations import customer_of
from connectors.vendors.hubspot.settings import HubSpotConfig


class Told(Struct):
    id: Id
    properties: dict[str, str | None]
    archived: bool = False


async def read_properties(office: HubSpot, customer: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    object_type, key = customer_of(customer)
    params = {"properties": ",".join(sorted(names))}
    found = await get(office, Told, f"/crm/v3/objects/{object_type}/{as_id(key)}", params)
    if found.id != key or found.archived:
        raise NotFound(f"HubSpot {object_type}: no such record")
    # What it does not know it leaves out, and so nobody knows it: what has no value is null. Of several boxes that are
    # ticked it writes one text.
    there = found.properties.keys() & set(names)
    return {name: told((found.properties[name] or "").split(";")) for name in there}


properties: Properties[HubSpotConfig] = Properties(
    known={
        "industry": "Industry",
        "type": "Type",
        "lifecyclestage": "Lifecycle stage",
        "country": "Country",
        "numberofemployees": "Number of employees",
        "annualrevenue": "Annual revenue",
    },
    read=read_properties,
    fits=spelled(r"[a-z][a-z0-9_]{0,99}"),
)
