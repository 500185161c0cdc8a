"""What was deleted: HubSpot archives it, for 90 days, and lists it in an order that says nothing of when.

So the list is gone through round and round, a page with each look, and what is in it is gone.
"""

from typing import Annotated

from msgspec import Meta, Struct

from connectors.vendors.hubspot.api import BATCH, HubSpot, Id, get
from connectors.vendors.hubspot.listing import Sold


class Next(Struct):
    after: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_=-]{1,200}\Z")]


class Paging(Struct, frozen=True):
    next: Next | None = None


class Row(Struct):
    id: Id
    archived: bool


class Rows(Struct):
    results: list[Row]
    paging: Paging = Paging()


async def archived(office: HubSpot, object_type: Sold, after: str) -> tuple[frozenset[str], str]:
    """Read the ids of a page, and after which the next one begins. "" is the beginning."""
    params = {"archived": "true", "limit": str(BATCH)} | ({"after": after} if after else {})
    page = await get(office, Rows, f"/crm/v3/objects/{object_type}", params)
    following = page.paging.next.after if page.paging.next else ""
    return frozenset(row.id for row in page.results if row.archived), following
