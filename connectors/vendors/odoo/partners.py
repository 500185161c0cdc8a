"""Who is who. A customer is a commercial partner: the company above a contact, or a person with none above.

A person is a contact. A company is none, and neither is an address of a company's that invoices or goods go to.
"""

from collections.abc import Callable, Iterable, Mapping

from connectors.contract import Candidate, Facts, Person
from connectors.errors import NotFound
from connectors.found import Found
from connectors.mail import addresses_in, domain_of, same_address
from connectors.vendors.odoo.models import Leaf, Row, one, read, search
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Ref, Text, given, key, keys, owners

MODEL = "res.partner"
MOST = 200  # partners that may share a fact


class Human(Row):
    """What tells a contact from a company and from a mere address."""

    is_company: bool
    type: Text

    @property
    def person(self) -> str | None:
        return str(self.id) if self.is_company is False and self.type == "contact" else None


class Partner(Human):
    name: Text
    commercial_partner_id: Ref


class Contact(Human):
    email: Text
    ref: Text
    commercial_partner_id: Ref


async def partners(office: Odoo, refs: Iterable[Ref]) -> Mapping[int, Partner]:
    return await read(office, Partner, MODEL, keys(refs))


def people(named: Ref, among: Mapping[int, Partner]) -> tuple[str, ...]:
    """Say whose own a record is that names this partner: a person's, or nobody's."""
    partner = among.get(key(named))
    return (partner.person,) if partner and partner.person else ()


async def find(office: Odoo, facts: Facts) -> tuple[Candidate, ...]:
    """Look for each fact. Odoo finds more than was asked for (`_` is any character), so each row is compared."""
    found = Found()

    async def look(fact: str, leaf: Leaf, proof: Callable[[Contact], str | None]) -> None:
        for row in await search(office, Contact, MODEL, [leaf], order="id", limit=MOST):
            match = proof(row)
            if match and not isinstance(row.commercial_partner_id, bool):
                customer, name = row.commercial_partner_id
                found.add(str(customer), name, fact, match, row.person if fact == "email" else None)

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
    return found.candidates


async def fetch_person(office: Odoo, person: str) -> Person:
    """Look at a contact, their addresses, and the commercial partner. One that was archived is gone."""
    row = await one(office, Contact, MODEL, [("active", "=", True)], person)
    customers = owners(row.commercial_partner_id)
    if row.person is None or not customers:
        raise NotFound(f"Odoo {MODEL}: no person")
    return Person(
        id=person,
        customers=customers,
        emails=frozenset(addresses_in(given(row.email) or "")),
    )


def _address(row: Contact, matches: Callable[[str], bool]) -> str | None:
    """The first of a contact's addresses that matches. The field holds names and several of them at times."""
    return next(filter(matches, addresses_in(given(row.email) or "")), None)
