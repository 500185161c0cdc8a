"""Who looks after a customer: the owner of the company or the contact. HubSpot keeps no telephone number of owners.

https://developers.hubspot.com/docs/api-reference/crm-crm-owners-v3/guide. Somebody whose user was deactivated or
removed is an archived owner, and stays the owner of their records until somebody else is set.
"""

from msgspec import Struct

from connectors.counterparts import Counterpart, counterpart_of
from connectors.errors import NotFound
from connectors.vendors.hubspot.api import HubSpot, Id, as_id, get, read_one
from connectors.vendors.hubspot.associations import customer_of


class Owned(Struct):
    hubspot_owner_id: str | None = None


class Owner(Struct, rename="camel"):
    """`type` is "QUEUE" for no person. A user who is not active any more has only the second of the two ids."""

    id: Id
    type: str = "PERSON"
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    user_id: int | None = None
    user_id_including_inactive: int | None = None
    archived: bool = False

    @property
    def has_left(self) -> bool:
        return self.archived or (self.user_id is None and self.user_id_including_inactive is not None)


async def read_counterpart(office: HubSpot, customer: str) -> Counterpart | None:
    object_type, key = customer_of(customer)
    owner = (await read_one(office, Owned, object_type, key)).properties.hubspot_owner_id
    if not owner:
        return None
    its = await get(office, Owner, f"/crm/v3/owners/{as_id(owner)}", {"archived": "false"})
    if its.id != owner or its.has_left:
        raise NotFound("HubSpot owners: somebody who is not there any more")
    if its.type != "PERSON":
        return None
    return counterpart_of(" ".join(filter(None, (its.first_name, its.last_name))), email=its.email)
