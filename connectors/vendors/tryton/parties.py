"""Who is who. A customer is a party, whether a company or not: Tryton does not tell.

It has no persons, only the addresses of parties, and a sale names one of those as its contact. So a person is an
e-mail address of a party's, by the id that Tryton gave to it.
"""

import re
from collections.abc import Callable

from msgspec import Struct

from connectors.contract import Candidate, Facts, Person
from connectors.errors import NotFound
from connectors.found import Found
from connectors.mail import domain_of, same_address
from connectors.vendors.tryton.rest import Clause, Row, Tryton, as_key, search

MODEL = "party.contact_mechanism"
EMAIL = "email"
MOST = 200  # parties that may share a fact

_WILD = re.compile(r"([%_\\])")


class PartyRef(Struct):
    id: int
    rec_name: str


class MechanismRow(Row):
    value: str | None
    party: PartyRef


class PartyRow(Row):
    code: str | None
    rec_name: str


async def find(office: Tryton, facts: Facts) -> tuple[Candidate, ...]:
    """Look for each fact among active parties, and compare what comes: only what is the same is a match."""
    found = Found()

    async def look(fact: str, pattern: str, matches: Callable[[str], bool]) -> None:
        mails: list[Clause] = [("type", "=", EMAIL), ("value", "ilike", pattern), ("party.active", "=", True)]
        rows, _ = await search(office, MechanismRow, MODEL, mails, limit=MOST)
        for row in rows:
            if row.value and matches(row.value):
                person = str(row.id) if fact == "email" else None
                found.add(str(row.party.id), row.party.rec_name, fact, row.value, person)

    if email := facts.email:
        await look("email", _literal(email), lambda its: same_address(its, email))
    if code := facts.external_id:
        rows, _ = await search(office, PartyRow, "party.party", [("code", "=", code)], limit=MOST)
        for row in rows:
            if row.code == code:
                found.add(str(row.id), row.rec_name, "external_id", code)
    if domain := facts.domain:
        await look("domain", f"%@{_literal(domain)}", lambda its: same_address(domain_of(its), domain))
    return found.candidates


async def fetch_person(office: Tryton, person: str) -> Person:
    """Look at an address of a party's. Neither of the two may have been deactivated."""
    number = as_key(person)
    theirs: list[Clause] = [
        ("id", "=", number),
        ("type", "=", EMAIL),
        ("active", "=", True),
        ("party.active", "=", True),
    ]
    rows, _ = await search(office, MechanismRow, MODEL, theirs, limit=1)
    for row in rows:
        if row.id == number and row.value:
            return Person(id=person, customers=frozenset([str(row.party.id)]), emails=frozenset([row.value]))
    raise NotFound(f"Tryton {MODEL}: no such address of a party, or one that is no longer used")


def _literal(text: str) -> str:
    return _WILD.sub(r"\\\1", text)
