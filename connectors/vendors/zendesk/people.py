"""Who is who. A customer is an organization, or an end user."""

from collections.abc import AsyncIterator

from msgspec import Struct

from connectors.contract import Candidate, Facts
from connectors.found import Found
from connectors.mail import same_address
from connectors.vendors.zendesk.api import Id, Paged, Zendesk, get, organization, user, walk
from connectors.vendors.zendesk.users import Named, UserRow, memberships, proven_addresses

MOST_USERS = 20  # whose addresses are looked at, one question each


class Users(Struct):
    users: list[UserRow]


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


async def _by_email(office: Zendesk, email: str, found: Found) -> None:
    if '"' in email:
        return  # the search has no way to quote it
    people = await get(office, Users, "/users/search", {"query": f'email:"{email}"'})
    for row in [each for each in people.users if each.counts][:MOST_USERS]:
        if any(same_address(each, email) for each in await proven_addresses(office, row)):
            person = user(row.id)
            found.add(person, row.name or person, "email", email, person)
            async for customer, name in memberships(office, row):
                found.add(customer, name or customer, "email", email, person)


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
