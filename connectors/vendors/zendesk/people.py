"""Who is who. A customer is an organization, or an end user."""

from collections.abc import AsyncIterator

from msgspec import Struct

from connectors.contract import Candidate, Facts
from connectors.mail import same_address
from connectors.vendors.zendesk.api import Id, Paged, Zendesk, get, organization, user, walk
from connectors.vendors.zendesk.comments import END_USER

Named = tuple[str, str]  # a customer, and their name

MOST_USERS = 20  # whose addresses are looked at, one question each


class UserRow(Struct):
    id: Id
    name: str
    role: str
    external_id: str | None = None


class Users(Struct):
    users: list[UserRow]


class Identity(Struct):
    type: str
    value: str
    verified: bool

    def proves(self, email: str) -> bool:
        return self.type == "email" and self.verified is True and same_address(self.value, email)


class IdentityPage(Paged):
    identities: list[Identity]


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
    """Look for a user by verified e-mail, for both by external id, for an organization by domain."""
    names: dict[str, str] = {}
    matched: dict[str, dict[str, str]] = {}
    looks = (
        ("email", facts.email, _by_email),
        ("external_id", facts.external_id, _by_external_id),
        ("domain", facts.domain, _by_domain),
    )
    for fact, value, look in looks:
        if value:
            async for customer, name in look(office, value):
                names[customer] = name or customer
                matched.setdefault(customer, {})[fact] = value
    return tuple(Candidate(customer=key, name=name, matched=matched[key]) for key, name in names.items())


async def _by_email(office: Zendesk, email: str) -> AsyncIterator[Named]:
    """Find the end users who proved to Zendesk, too, that the address is theirs. Anybody can be entered with one."""
    if '"' in email:
        return  # the search has no way to quote it
    people = await get(office, Users, "/users/search", {"query": f'email:"{email}"'})
    for person in [each for each in people.users if each.role == END_USER][:MOST_USERS]:
        pages = walk(office, IdentityPage, f"/users/{person.id}/identities")
        if any([identity.proves(email) async for page in pages for identity in page.identities]):
            yield user(person.id), person.name


async def _by_external_id(office: Zendesk, wanted: str) -> AsyncIterator[Named]:
    people = await get(office, Users, "/users/search", {"external_id": wanted})
    for person in people.users:
        if person.role == END_USER and _same_id(person.external_id, wanted):
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
