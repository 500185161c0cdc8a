"""Who is who. A customer is a user of RT's, known there by name."""

from collections.abc import Callable

from msgspec import Struct

from connectors.contract import Candidate, Facts
from connectors.mail import same_address
from connectors.vendors.request_tracker.api import RequestTracker, search


class UserRow(Struct):
    Name: str
    EmailAddress: str
    RealName: str


async def find(office: RequestTracker, facts: Facts) -> tuple[Candidate, ...]:
    """Look for a user by e-mail or by name. A domain says nothing: RT knows people, not companies."""
    people: dict[str, str] = {}
    matched: dict[str, dict[str, str]] = {}

    async def look(fact: str, field: str, value: str, matches: Callable[[UserRow], bool]) -> None:
        condition = {"field": field, "operator": "=", "value": value}
        # RT leaves out a condition that the account may not search by, and answers with everybody: so compare.
        for row in await search(office, UserRow, "/users", "Name,EmailAddress,RealName", [condition]):
            if row.Name and matches(row):
                people[row.Name] = row.RealName or row.Name
                matched.setdefault(row.Name, {})[fact] = value

    if email := facts.email:
        await look("email", "EmailAddress", email, lambda row: same_address(row.EmailAddress, email))
    if name := facts.external_id:
        await look("external_id", "Name", name, lambda row: row.Name == name)
    return tuple(Candidate(customer=user, name=people[user], matched=matched[user]) for user in people)
