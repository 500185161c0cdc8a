"""Who is who. A customer is an organization, or an end user; a person is an end user."""

from collections.abc import AsyncIterator

from msgspec import Struct

from connectors.contract import Candidate, Facts, Person
from connectors.errors import NotFound
from connectors.found import Found
from connectors.mail import same_address
from connectors.vendors.zendesk.api import Id, Paged, Zendesk, get, organization, person_key, user, walk
from connectors.vendors.zendesk.comments import END_USER

Named = tuple[str, str]  # a customer, and their name

MOST_USERS = 20  # whose addresses are looked at, one question each


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


class Users(Struct):
    users: list[UserRow]


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


class OrganizationRow(Struct):
    id: Id
    name: str
    external_id: str | None = None
    domain_names: list[str] = []


class Organizations(Struct):
    organizations: list[OrganizationRow]


class OrganizationPage(Paged):
    organizations: list[OrganizationRow]


async def find(office: Zendesk, facts: Facts) -> tuple[Candidate, ...]:
    """Look for a user by verified e-mail, with their organizations, for both by external id, and by domain."""
    found = Found()
    if facts.email:
        await _by_email(office, facts.email, found)
    for fact, value, look in (
        ("external_id", facts.external_id, _by_external_id),
        ("domain", facts.domain, _by_domain),
    ):
        if value:
            async for customer, name in look(office, value):
                found.add(customer, name or customer, fact, value)
    return found.candidates


async def fetch_person(office: Zendesk, person: str) -> Person:
    """Look at an end user, the addresses that they proved, and their organizations."""
    row = (await get(office, OneUser, f"/users/{person_key(person)}")).user
    if not row.counts or user(row.id) != person:
        raise NotFound("Zendesk: no such end user, or one who was deleted or suspended")
    emails = await _proven(office, row)
    customers = [name async for name, _ in _memberships(office, row)]
    return Person(id=person, customers=frozenset([person, *customers]), emails=frozenset(emails))


async def _by_email(office: Zendesk, email: str, found: Found) -> None:
    if '"' in email:
        return  # the search has no way to quote it
    people = await get(office, Users, "/users/search", {"query": f'email:"{email}"'})
    for row in [each for each in people.users if each.counts][:MOST_USERS]:
        if any(same_address(each, email) for each in await _proven(office, row)):
            person = user(row.id)
            found.add(person, row.name or person, "email", email, person)
            async for customer, name in _memberships(office, row):
                found.add(customer, name or customer, "email", email, person)


async def _proven(office: Zendesk, row: UserRow) -> list[str]:
    pages = walk(office, IdentityPage, f"/users/{row.id}/identities")
    return [each.value async for page in pages for each in page.identities if each.is_proven]


async def _memberships(office: Zendesk, row: UserRow) -> AsyncIterator[Named]:
    """Name the organizations of a user. Who has none as the first has none at all."""
    if row.organization_id is None:
        return
    async for page in walk(office, MembershipPage, f"/users/{row.id}/organization_memberships"):
        for each in page.organization_memberships:
            yield organization(each.organization_id), each.organization_name


async def _by_external_id(office: Zendesk, wanted: str) -> AsyncIterator[Named]:
    people = await get(office, Users, "/users/search", {"external_id": wanted})
    for person in people.users:
        if person.counts and _same_id(person.external_id, wanted):
            yield user(person.id), person.name
    companies = await get(office, Organizations, "/organizations/show_many", {"external_ids": wanted})
    for company in companies.organizations:
        if _same_id(company.external_id, wanted):
            yield organization(company.id), company.name


async def _by_domain(office: Zendesk, domain: str) -> AsyncIterator[Named]:
    """Look through all organizations: no search is documented to know their domains."""
    async for page in walk(office, OrganizationPage, "/organizations"):
        for company in page.organizations:
            if any(same_address(name, domain) for name in company.domain_names):
                yield organization(company.id), company.name


def _same_id(one: str | None, other: str) -> bool:
    """Zendesk takes external ids for the same whatever their case."""
    return one is not None and same_address(one, other)
