"""Who is who. A customer is a party."""

import re
from collections.abc import Callable

from msgspec import Struct

from connectors.contract import Candidate, Facts
from connectors.mail import domain_of, same_address
from connectors.vendors.tryton.rest import Clause, Row, Tryton, search

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
    found: dict[tuple[int, str], dict[str, str]] = {}

    async def look(fact: str, pattern: str, matches: Callable[[str], bool]) -> None:
        mails: list[Clause] = [("type", "=", "email"), ("value", "ilike", pattern), ("party.active", "=", True)]
        rows, _ = await search(office, MechanismRow, "party.contact_mechanism", mails, limit=MOST)
        for row in rows:
            if row.value and matches(row.value):
                found.setdefault((row.party.id, row.party.rec_name), {}).setdefault(fact, row.value)

    if email := facts.email:
        await look("email", _literal(email), lambda its: same_address(its, email))
    if code := facts.external_id:
        rows, _ = await search(office, PartyRow, "party.party", [("code", "=", code)], limit=MOST)
        for row in rows:
            if row.code == code:
                found.setdefault((row.id, row.rec_name), {})["external_id"] = code
    if domain := facts.domain:
        await look("domain", f"%@{_literal(domain)}", lambda its: same_address(domain_of(its), domain))
    return tuple(
        Candidate(customer=str(customer), name=name, matched=matched) for (customer, name), matched in found.items()
    )


def _literal(text: str) -> str:
    return _WILD.sub(r"\\\1", text)
