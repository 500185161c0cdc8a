"""Who is who. A customer is a commercial partner: the company above a contact, or a person with none above."""

from collections.abc import Callable, Iterable, Mapping

from connectors.contract import Candidate, Facts
from connectors.mail import addresses_in, domain_of, same_address
from connectors.vendors.odoo.models import Leaf, Row, read, search
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Ref, Text, given, keys

MOST = 200  # partners that may share a fact


class Partner(Row):
    name: Text
    commercial_partner_id: Ref


class Contact(Row):
    email: Text
    ref: Text
    commercial_partner_id: Ref


async def partners(office: Odoo, refs: Iterable[Ref]) -> Mapping[int, Partner]:
    return await read(office, Partner, "res.partner", keys(refs))


async def find(office: Odoo, facts: Facts) -> tuple[Candidate, ...]:
    """Look for each fact. Odoo finds more than was asked for (`_` is any character), so each row is compared."""
    found: dict[tuple[int, str], dict[str, str]] = {}

    async def look(fact: str, leaf: Leaf, proof: Callable[[Contact], str | None]) -> None:
        for row in await search(office, Contact, "res.partner", [leaf], order="id", limit=MOST):
            match = proof(row)
            if match and not isinstance(row.commercial_partner_id, bool):
                found.setdefault(row.commercial_partner_id, {}).setdefault(fact, match)

    if email := facts.email:
        await look("email", ("email", "ilike", email), lambda row: _address(row, lambda its: same_address(its, email)))
    if wanted := facts.external_id:
        await look("external_id", ("ref", "=", wanted), lambda row: wanted if row.ref == wanted else None)
    if domain := facts.domain:
        await look(
            "domain",
            ("email", "ilike", f"@{domain}"),
            lambda row: _address(row, lambda its: same_address(domain_of(its), domain)),
        )
    return tuple(
        Candidate(customer=str(customer), name=name, matched=matched) for (customer, name), matched in found.items()
    )


def _address(row: Contact, matches: Callable[[str], bool]) -> str | None:
    """The first of a contact's addresses that matches. The field holds names and several of them at times."""
    return next(filter(matches, addresses_in(given(row.email) or "")), None)
