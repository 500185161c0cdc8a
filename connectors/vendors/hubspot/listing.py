"""Which orders and deals are a customer's, by id, and in pages of the newest first.

All of them are named by the company or the contact: that list is true at once, however long it is, and it has no order.
We put it in one, by id, which grows with time and never changes. A search would sort by date, but what was just made or
changed turns up in it moments later, it ends after 10,000 records, and a whole account may search five times a second.

So we search only for what is open, which no list can tell. It then does no harm that the search is late: what is new is
among the newest of the list, and what a page is made of is read again by id.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from connectors.errors import BadResponse
from connectors.vendors.hubspot.api import BATCH, HubSpot, Id, ObjectType, as_id, ask
from connectors.vendors.hubspot.associations import Paging

Sold = Literal["orders", "deals"]
Condition = Mapping[str, object]  # of a search: a property, an operator, and a value or several

AT_ONCE = 200  # the most that a search answers with
MOST_FOUND = 10_000
ABOVE_ALL = 2**63

_SINGULAR: Mapping[ObjectType, str] = {"companies": "company", "contacts": "contact"}


class Hit(Struct):
    id: Id


class Hits(Struct):
    results: list[Hit]
    paging: Paging = Paging()


async def ids_where(
    office: HubSpot, owner: tuple[ObjectType, str], object_type: Sold, any_of: Sequence[Condition]
) -> list[str]:
    """Search for a customer's orders or deals for which one of the conditions holds."""
    if not any_of:
        return []
    theirs = {"propertyName": f"associations.{_SINGULAR[owner[0]]}", "operator": "EQ", "value": owner[1]}
    groups = [{"filters": [theirs, each]} for each in any_of]
    question = {"filterGroups": groups, "properties": ["hs_object_id"], "limit": AT_ONCE}
    path = f"/crm/v3/objects/{object_type}/search"
    found: list[str] = []
    after: str | None = None
    for _ in range(MOST_FOUND // AT_ONCE):
        hits = await ask(office, Hits, path, question | ({"after": after} if after else {}))
        found += [hit.id for hit in hits.results]
        if hits.paging.next is None:
            return found
        if hits.paging.next.after == after:
            break
        after = hits.paging.next.after
    raise BadResponse(f"HubSpot {path}: found without an end")


def newest(ids: Iterable[str], before: str) -> tuple[list[str], str]:
    """Cut out the page that comes after the id `before`, and say after which the next one comes, or ""."""
    bound = int(as_id(before)) if before else ABOVE_ALL
    wanted = sorted({key for key in map(int, ids) if key < bound}, reverse=True)
    page = [str(key) for key in wanted[:BATCH]]
    return page, page[-1] if len(wanted) > BATCH else ""
