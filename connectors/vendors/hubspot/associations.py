"""What belongs to whom: associations, version 4. They are the one proof of an owner, and change on their own.

https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide. A customer of ours is a company of theirs,
"company:123", or a contact, "contact:456".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from connectors.errors import BadResponse, NotFound
from connectors.vendors.hubspot.api import HubSpot, Id, ObjectType, ask_batch, get

AT_ONCE = 500  # associations of one record; the most that one question is answered with
MOST_ROUNDS = 40

_CUSTOMER = re.compile(r"(company|contact):([1-9][0-9]{0,18})")
_OWNING: Mapping[str, ObjectType] = {"company": "companies", "contact": "contacts"}

LongId = Annotated[int, Meta(ge=1, le=2**63 - 1)] | Id  # a number in this API, a text in its description


class Next(Struct):
    after: Annotated[str, Meta(min_length=1)]


class Paging(Struct, frozen=True):
    next: Next | None = None


class Link(Struct, rename="camel"):
    to_object_id: LongId


class LinkPage(Struct):
    """`paging` is there where there is more."""

    results: list[Link]
    paging: Paging = Paging()


class From(Struct):
    id: Id


class Links(Struct, rename={"source": "from"}):
    """What one of the records asked for is associated with. One without any is among the errors instead."""

    source: From
    to: list[Link]
    paging: Paging = Paging()


async def all_ids(office: HubSpot, owner: tuple[ObjectType, str], object_type: ObjectType) -> list[str]:
    """List the ids of all that a company or a contact is associated with, in no order."""
    path = f"/crm/v4/objects/{owner[0]}/{owner[1]}/associations/{object_type}"
    found: list[str] = []
    after: str | None = None
    for _ in range(MOST_ROUNDS):
        page = await get(office, LinkPage, path, {"limit": str(AT_ONCE)} | ({"after": after} if after else {}))
        found += _ids(page.results)
        if page.paging.next is None:
            return found
        if page.paging.next.after == after:
            break
        after = page.paging.next.after
    raise BadResponse(f"HubSpot {path}: associations without an end")


async def associated(
    office: HubSpot, object_type: ObjectType, ids: Sequence[str], to: ObjectType
) -> Mapping[str, frozenset[str]]:
    """Say what each of these records is associated with. One without any is left out."""
    found: dict[str, frozenset[str]] = {}
    inputs = [{"id": key} for key in ids]
    for _ in range(MOST_ROUNDS):
        if not inputs:
            return found
        path = f"/crm/v4/associations/{object_type}/{to}/batch/read"
        answers = await ask_batch(office, Links, path, {"inputs": inputs})
        for each in answers:
            found[each.source.id] = found.get(each.source.id, frozenset()) | set(_ids(each.to))
        inputs = [{"id": each.source.id, "after": each.paging.next.after} for each in answers if each.paging.next]
    raise BadResponse(f"HubSpot {object_type}: associations without an end")


async def owners(office: HubSpot, object_type: ObjectType, ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Name the customers of each of these records: companies and contacts alike. Nobody's has no entry."""
    companies = await associated(office, object_type, ids, "companies")
    contacts = await associated(office, object_type, ids, "contacts")
    return {
        key: frozenset(
            [
                *(f"company:{each}" for each in companies.get(key, ())),
                *(f"contact:{each}" for each in contacts.get(key, ())),
            ]
        )
        for key in ids
    }


def contacts_of(customers: Iterable[str]) -> tuple[str, ...]:
    """Pick the persons among customers."""
    return tuple(sorted(each for each in customers if each.startswith("contact:")))


def customer_of(name: str) -> tuple[ObjectType, str]:
    """Split a customer's name into type and id. Whoever is called otherwise is nobody's customer."""
    match = _CUSTOMER.fullmatch(name)
    if match is None:
        raise NotFound("HubSpot: no such company or contact")
    return _OWNING[match[1]], match[2]


def _ids(links: Iterable[Link]) -> list[str]:
    """The ids, each once: HubSpot lists a record again for each label."""
    return list(dict.fromkeys(str(each.to_object_id) for each in links))
