"""Who is who. A customer is a company, or a contact. Several companies of a contact's are several candidates."""

from msgspec import Struct

from connectors.contract import Candidate, Facts
from connectors.mail import same_address
from connectors.vendors.hubspot.api import BATCH, HubSpot, Row, properties_of, read_all, search
from connectors.vendors.hubspot.associations import associated


class ContactProperties(Struct):
    email: str | None = None
    hs_additional_emails: str | None = None
    firstname: str | None = None
    lastname: str | None = None

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.firstname, self.lastname))) or self.email or ""

    def fact(self, email: str) -> str | None:
        """Name the fact that matches. Which of its addresses are still a person's own, HubSpot does not know."""
        if self.email and same_address(self.email, email):
            return "email"
        others = (self.hs_additional_emails or "").split(";")
        return "additional_email" if any(same_address(each.strip(), email) for each in others) else None


class CompanyProperties(Struct):
    name: str | None = None


class Found:
    """Candidates as they turn up, each with all the facts that lead to it."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._matched: dict[str, dict[str, str]] = {}

    def add(self, customer: str, name: str | None, fact: str, value: str) -> None:
        self._names.setdefault(customer, name or customer)
        self._matched.setdefault(customer, {})[fact] = value

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(customer=key, name=name, matched=self._matched[key]) for key, name in self._names.items()
        )


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
                found.add(f"company:{row.id}", _text(row, "name"), fact, value)
    return found.candidates


async def _by_email(office: HubSpot, email: str, found: Found) -> None:
    either = [("email", "EQ", email), ("hs_additional_emails", "CONTAINS_TOKEN", email)]
    rows = await search(office, ContactProperties, "contacts", either, properties_of(ContactProperties))
    facts = {row.id: fact for row in rows if (fact := row.properties.fact(email))}
    for row in rows:
        if row.id in facts:
            found.add(f"contact:{row.id}", row.properties.name, facts[row.id], email)
    employers = await associated(office, "contacts", list(facts), "companies")
    ids = sorted({each for key in facts for each in employers.get(key, ())}, key=int)[:BATCH]
    for company in await read_all(office, CompanyProperties, "companies", ids):
        for key, fact in facts.items():
            if company.id in employers.get(key, ()):
                found.add(f"company:{company.id}", company.properties.name, fact, email)


async def _companies(office: HubSpot, named: str, value: str) -> list[Row[dict[str, object]]]:
    """Search companies by one property. HubSpot takes values for the same whatever their case."""
    rows = await search(office, dict[str, object], "companies", [(named, "EQ", value)], ["name", named])
    return [row for row in rows if same_address(_text(row, named), value)]


def _text(row: Row[dict[str, object]], named: str) -> str:
    value = row.properties.get(named)
    return value if isinstance(value, str) else ""
