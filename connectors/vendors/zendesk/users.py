"""End users, each of whom is a person: the addresses that they proved, and the organizations that they act for."""

from collections.abc import AsyncIterator

from msgspec import Struct

from connectors.contract import Person
from connectors.errors import NotFound
from connectors.vendors.zendesk.api import Id, Paged, Zendesk, get, organization, person_key, user, walk
from connectors.vendors.zendesk.comments import END_USER

Named = tuple[str, str]  # a customer, and their name


class UserRow(Struct):
    """`organization_id` is the first of perhaps several. One that was deleted is no longer active."""

    id: Id
    name: str
    role: str
    active: bool
    suspended: bool
    organization_id: Id | None
    external_id: str | None = None

    @property
    def counts(self) -> bool:
        return self.role == END_USER and self.active is True and self.suspended is False


class OneUser(Struct):
    user: UserRow


class Identity(Struct):
    type: str
    value: str
    verified: bool

    @property
    def is_proven(self) -> bool:
        """Anybody can be entered with an address; this one was proven to Zendesk."""
        return self.type == "email" and self.verified is True


class IdentityPage(Paged):
    identities: list[Identity]


class Membership(Struct):
    organization_id: Id
    organization_name: str


class MembershipPage(Paged):
    organization_memberships: list[Membership]


async def fetch_person(office: Zendesk, person: str) -> Person:
    """Look at an end user, the addresses that they proved, and their organizations."""
    row = (await get(office, OneUser, f"/users/{person_key(person)}")).user
    if not row.counts or user(row.id) != person:
        raise NotFound("Zendesk: no such end user, or one who was deleted or suspended")
    emails = await proven_addresses(office, row)
    customers = [name async for name, _ in memberships(office, row)]
    return Person(id=person, customers=frozenset([person, *customers]), emails=frozenset(emails))


async def proven_addresses(office: Zendesk, row: UserRow) -> list[str]:
    pages = walk(office, IdentityPage, f"/users/{row.id}/identities")
    return [each.value async for page in pages for each in page.identities if each.is_proven]


async def memberships(office: Zendesk, row: UserRow) -> AsyncIterator[Named]:
    """Name the organizations of a user. Who has none as the first has none at all."""
    if row.organization_id is None:
        return
    async for page in walk(office, MembershipPage, f"/users/{row.id}/organization_memberships"):
        for each in page.organization_memberships:
            yield organization(each.organization_id), each.organization_name
