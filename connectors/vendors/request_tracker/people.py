"""Who is who. A customer is a user of RT's, known there by name, and so is a person."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec import Struct

from connectors.contract import Candidate, Facts, Person
from connectors.errors import NotFound
from connectors.found import Found
from connectors.mail import same_address
from connectors.vendors.request_tracker.api import Key, RequestTracker, search


class NumberRow(Struct):
    id: Key
    Name: str


class UserRow(Struct):
    Name: str
    EmailAddress: str
    RealName: str


async def find(office: RequestTracker, facts: Facts) -> tuple[Candidate, ...]:
    """Look for a user by e-mail or by name. A domain says nothing: RT knows people, not companies."""
    found = Found()
    if email := facts.email:
        for row in await _users(office, "EmailAddress", email, lambda row: same_address(row.EmailAddress, email)):
            found.add(row.Name, row.RealName or row.Name, "email", email, row.Name)
    if name := facts.external_id:
        for row in await _users(office, "Name", name, lambda row: row.Name == name):
            found.add(row.Name, row.RealName or row.Name, "external_id", name)
    return found.candidates


async def fetch_person(office: RequestTracker, person: str) -> Person:
    """Look at a user by their name. A disabled one is not found: RT leaves them out of every search."""
    for row in await _users(office, "Name", person, lambda row: row.Name == person):
        emails = frozenset([row.EmailAddress] if row.EmailAddress else [])
        return Person(id=person, customers=frozenset([person]), emails=emails)
    raise NotFound("RT: no such user, or one who is disabled")


async def numbers_of(office: RequestTracker, customer: str, person: str | None) -> list[int]:
    """Give the numbers of a customer and of the person who asks, if RT has them still. Raises `NotFound`.

    A name would not do: RT takes one that looks like an address for whoever has that address.
    """
    numbers = [await _number(office, customer)]
    if person and person != customer:
        with suppress(NotFound):
            numbers.append(await _number(office, person))
    return numbers


async def _number(office: RequestTracker, name: str) -> int:
    condition = {"field": "Name", "operator": "=", "value": name}
    for row in await search(office, NumberRow, "/users", "id,Name", [condition]):
        if row.Name == name:
            return int(row.id)
    raise NotFound("RT: no such user, or one who is disabled")


async def _users(
    office: RequestTracker, field: str, value: str, matches: Callable[[UserRow], bool]
) -> Iterable[UserRow]:
    """Search for users. RT leaves out a condition that the account may not search by, and gives everybody: compare."""
    condition = {"field": field, "operator": "=", "value": value}
    rows = await search(office, UserRow, "/users", "Name,EmailAddress,RealName", [condition])
    return (row for row in rows if row.Name and matches(row))
