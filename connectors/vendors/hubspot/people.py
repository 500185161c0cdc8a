"""Who is who. A customer is a company, or a contact, and a person is a contact.

Several companies of a contact's are several candidates.
"""

from msgspec import Struct

from connectors.contract import Candidate, Facts, Person
from connectors.errors import NotFound
from connectors.found import Found
from connectors.mail import same_address
from connectors.vendors.hubspot.api import BATCH, HubSpot, Row, properties_of, read_all, read_one, search
from connectors.vendors.hubspot.associations import associated, customer_of


class ContactProperties(Struct):
    email: str | None = None
    hs_additional_emails: str | None = None
    firstname: str | None = None
    lastname: str | None = None

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.firstname, self.lastname))) or self.email or ""

    @property
    def additional(self) -> list[str]:
        return [each.strip() for each in (self.hs_additional_emails or "").split(";") if each.strip()]

    def fact(self, email: str) -> str | None:
        """Name the fact that matches. Which of its addresses are still a person's own, HubSpot does not know."""
        if self.email and same_address(self.email, email):
            return "email"
        return "additional_email" if any(same_address(each, email) for each in self.additional) else None


class CompanyProperties(Struct):
    name: str | None = None


async def find(office: HubSpot, facts: Facts) -> tuple[Candidate, ...]:
    """Look for contacts by e-mail, with their companies, and for companies by number and by domain."""
    found = Found()
    if facts.email:
        await _by_email(office, facts.email, found)
    looks = (
        ("external_id", office.config.external_id_property, facts.external_id),
        ("domain", "domain", facts.domain),
    )
    for fact, named, value in looks:
        if named and value:
            for row in await _companies(office, named, value):
                company = f"company:{row.id}"
                found.add(company, _text(row, "name") or company, fact, value)
    return found.candidates


async def fetch_person(office: HubSpot, person: str) -> Person:
    """Look at a contact, their addresses, and the companies that they are associated with."""
    object_type, key = customer_of(person)
    if object_type != "contacts":
        raise NotFound("HubSpot: a company is no person")
    its = (await read_one(office, ContactProperties, "contacts", key)).properties
    companies = (await associated(office, "contacts", [key], "companies")).get(key, frozenset())
    return Person(
        id=person,
        customers=frozenset([person, *(f"company:{each}" for each in companies)]),
        emails=frozenset([*([its.email] if its.email else []), *its.additional]),
    )


async def _by_email(office: HubSpot, email: str, found: Found) -> None:
    either = [("email", "EQ", email), ("hs_additional_emails", "CONTAINS_TOKEN", email)]
    rows = await search(office, ContactProperties, "contacts", either, properties_of(ContactProperties))
    facts = {row.id: fact for row in rows if (fact := row.properties.fact(email))}
    for row in rows:
        if row.id in facts:
            contact = f"contact:{row.id}"
            found.add(contact, row.properties.name or contact, facts[row.id], email, contact)
    employers = await associated(office, "contacts", list(facts), "companies")
    ids = sorted({each for key in facts for each in employers.get(key, ())}, key=int)[:BATCH]
    for company in await read_all(office, CompanyProperties, "companies", ids):
        customer = f"company:{company.id}"
        for key, fact in facts.items():
            if company.id in employers.get(key, ()):
                found.add(customer, company.properties.name or customer, fact, email, f"contact:{key}")


async def _companies(office: HubSpot, named: str, value: str) -> list[Row[dict[str, object]]]:
    """Search companies by one property. HubSpot takes values for the same whatever their case."""
    rows = await search(office, dict[str, object], "companies", [(named, "EQ", value)], ["name", named])
    return [row for row in rows if same_address(_text(row, named), value)]


def _text(row: Row[dict[str, object]], named: str) -> str:
    value = row.properties.get(named)
    return value if isinstance(value, str) else ""
