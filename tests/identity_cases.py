"""Logins that must not be tied to the wrong customer: what the provider says, what the sources know, what follows."""

from msgspec import Struct

from connectors.contract import Candidate
from gateway.access import LinkRef
from gateway.identity.matching import Answer, Policy

ACCOUNTS = {
    LinkRef("crm", "10"): "acme",
    LinkRef("crm", "20"): "globex",
    LinkRef("crm", "30"): "initech",
    LinkRef("desk", "org:1"): "acme",
    LinkRef("desk", "org:2"): "globex",
}  # crm 90 and desk org:9 are customers whom nobody has linked
MARY = "mary@acme.example"


class Case(Struct, frozen=True, kw_only=True):
    """`expected` is an account, or the reason why there is none. `email` is one that the provider has verified."""

    name: str
    email: str | None = MARY
    number: str | None = None
    is_taken: bool = False
    invited_to: str | None = None
    answers: tuple[Answer, ...]
    policy: Policy = "email"
    expected: str


def mail(customer: str, person: str | None = "p1", value: str = MARY, fact: str = "email") -> Candidate:
    return Candidate(customer=customer, name=f"Customer {customer}", matched={fact: value}, person=person)


def number(customer: str, value: str = "4711") -> Candidate:
    return Candidate(customer=customer, name=f"Customer {customer}", matched={"external_id": value})


def domain(customer: str, value: str = "acme.example") -> Candidate:
    return Candidate(customer=customer, name=f"Customer {customer}", matched={"domain": value})


def crm(*candidates: Candidate) -> Answer:
    return Answer("crm", candidates)


def desk(*candidates: Candidate) -> Answer:
    return Answer("desk", candidates)


def at(email: str, **more: object) -> Case:
    """A login with that address, which the one source knows at Acme to the letter."""
    return Case(email=email, answers=(crm(mail("10", value=email)),), **more)  # type: ignore[arg-type]


SILENT_DESK, SILENT_CRM = Answer("desk", None), Answer("crm", None)

CASES = [
    # What is right
    at(MARY, name="one person at one company", expected="acme"),
    Case(name="case of A to Z in the source", answers=(crm(mail("10", value="Mary@ACME.example")),), expected="acme"),
    at("Mary@Acme.example", name="case of A to Z at the provider", expected="acme"),
    Case(name="two sources agree", answers=(crm(mail("10")), desk(mail("org:1", "u7"))), expected="acme"),
    Case(
        name="two sources are two facts",
        answers=(crm(mail("10")), desk(mail("org:1", "u7"))),
        policy="two_facts",
        expected="acme",
    ),
    Case(
        name="the customer number is a second fact",
        number="4711",
        answers=(crm(mail("10"), number("10")), desk()),
        policy="two_facts",
        expected="acme",
    ),
    Case(
        name="the same customer by address and by number, in one candidate",
        number="4711",
        answers=(crm(Candidate(customer="10", name="A", matched={"email": MARY, "external_id": "4711"}, person="p1")),),
        policy="two_facts",
        expected="acme",
    ),
    Case(
        name="an invitation is a second fact",
        invited_to="acme",
        answers=(crm(mail("10")),),
        policy="two_facts",
        expected="acme",
    ),
    Case(
        name="an invitation, and matching is off",
        invited_to="acme",
        answers=(crm(mail("10")),),
        policy="off",
        expected="acme",
    ),
    at("mary@gmail.com", name="free mail, and invited", invited_to="acme", expected="acme"),
    Case(
        name="free mail, and a customer number",
        email="mary@gmail.com",
        number="4711",
        answers=(crm(mail("10", value="mary@gmail.com"), number("10")),),
        expected="acme",
    ),
    Case(
        name="the person beside the company",
        answers=(crm(mail("contact:7", "contact:7"), mail("10", "contact:7")),),
        expected="acme",
    ),
    Case(name="the domain belongs to the account too", answers=(crm(mail("10"), domain("10")),), expected="acme"),
    Case(
        name="the domain belongs to the account and to others",
        answers=(crm(mail("10"), domain("10"), domain("20")),),
        expected="acme",
    ),
    # Whom nobody knows
    Case(name="matching is off", answers=(crm(mail("10")),), policy="off", expected="matching_is_off"),
    Case(name="unknown address", answers=(crm(), desk()), expected="unknown_address"),
    Case(name="archived, so no source finds it", answers=(crm(), desk()), expected="unknown_address"),
    Case(name="no verified address", email=None, answers=(crm(), desk()), expected="no_verified_email"),
    Case(name="no source at all", answers=(), expected="unknown_address"),
    # Several companies
    Case(name="two companies of one person", answers=(crm(mail("10"), mail("20")),), expected="two_companies"),
    Case(
        name="two companies, one of them not linked", answers=(crm(mail("10"), mail("90")),), expected="two_companies"
    ),
    Case(name="two companies, none linked", answers=(crm(mail("90"), mail("91")),), expected="two_companies"),
    Case(
        name="two companies in the second source alone",
        answers=(crm(mail("10")), desk(mail("org:1"), mail("org:2"))),
        expected="two_companies",
    ),
    Case(
        name="two companies, and the number names one",
        number="4711",
        answers=(crm(mail("10"), mail("20"), number("10")),),
        expected="two_companies",
    ),
    Case(
        name="two companies, and invited to one",
        invited_to="acme",
        answers=(crm(mail("10"), mail("20")),),
        expected="two_companies",
    ),
    Case(name="sources disagree", answers=(crm(mail("10")), desk(mail("org:2", "u7"))), expected="sources_disagree"),
    Case(
        name="moved in one source and not yet in the other",
        answers=(crm(mail("20")), desk(mail("org:1", "u7"))),
        policy="two_facts",
        expected="sources_disagree",
    ),
    Case(name="moved in every source", answers=(crm(mail("20")), desk(mail("org:2", "u7"))), expected="globex"),
    # Several people
    Case(
        name="two people of one company have it",
        answers=(crm(mail("10", "p1"), mail("10", "p2")),),
        expected="address_of_several_people",
    ),
    Case(
        name="two people of two companies have it",
        answers=(crm(mail("10", "p1"), mail("20", "p2")),),
        expected="address_of_several_people",
    ),
    Case(
        name="merged by half: the old person is still there",
        answers=(crm(mail("10", "p1"), mail("10", "p1-old")),),
        expected="address_of_several_people",
    ),
    Case(
        name="a company has the address of its person",
        answers=(crm(mail("10", "p1"), mail("10", None)),),
        expected="address_of_several_people",
    ),
    Case(name="an address of the company alone", answers=(crm(mail("10", None)),), expected="nobody_named"),
    *(
        at(f"{local}@acme.example", name=f"shared mailbox: {local}", expected="shared_mailbox")
        for local in ("info", "Office", "ACCOUNTS", "accounts.uk", "sales-2", "info+mary", "ap")
    ),
    at("info@acme.example", name="shared mailbox, and invited", invited_to="acme", expected="shared_mailbox"),
    # Addresses that are like others
    at("mary+shop@acme.example", name="a tag, known to the letter", expected="variant_address"),
    Case(
        name="a tag that the source has not",
        email="mary+shop@acme.example",
        answers=(crm(mail("10")),),
        expected="variant_address",
    ),
    Case(
        name="a tag that only the source has",
        answers=(crm(mail("10", value="mary+shop@acme.example")),),
        expected="address_near",
    ),
    Case(name="dots are letters", answers=(crm(mail("10", value="ma.ry@acme.example")),), expected="address_near"),
    Case(
        name="another address of the person's, perhaps an old one",
        answers=(crm(mail("10", fact="additional_email")),),
        expected="address_near",
    ),
    Case(
        name="a Kelvin sign in the source",
        email="kim@acme.example",
        answers=(crm(mail("10", value="\u212aim@acme.example")),),
        expected="address_near",
    ),
    Case(
        name="a long s in the source",
        answers=(crm(mail("10", value="mary@acme.e\u017fample")),),
        expected="address_near",
    ),
    at("m\u0430ry@acme.example", name="a Cyrillic a", expected="unusual_address"),
    at("mar\u0443@acme.example", name="a Cyrillic y", expected="unusual_address"),
    at("mary@\u0430cme.example", name="a Cyrillic a in the domain", expected="unusual_address"),
    at("mary@xn--cme-7cd.example", name="the same domain, encoded", expected="unusual_address"),
    at("mary@m\u00fcnchen.example", name="a domain with an umlaut", expected="unusual_address"),
    at("\uff4dary@acme.example", name="a wide m", expected="unusual_address"),
    at("mary\u200b@acme.example", name="a letter that nobody sees", expected="unusual_address"),
    at('"mary"@acme.example', name="a quoted name", expected="unusual_address"),
    at("mary@acme", name="a domain without a dot", expected="unusual_address"),
    at(f"{'m' * 250}@acme.example", name="longer than an address may be", expected="unusual_address"),
    Case(name="an address around the address", answers=(crm(mail("10", value=f"x{MARY}")),), expected="address_near"),
    # Who else has it
    at(MARY, name="recycled: another login came with it", is_taken=True, expected="address_of_another_login"),
    at(
        MARY,
        name="a second provider says the same address",
        is_taken=True,
        invited_to="acme",
        expected="address_of_another_login",
    ),
    # Free mail
    at("mary@gmail.com", name="free mail", expected="free_mail"),
    at("mary@Outlook.COM", name="free mail in capitals", expected="free_mail"),
    Case(
        name="free mail in two sources",
        email="mary@gmail.com",
        answers=(crm(mail("10", value="mary@gmail.com")), desk(mail("org:1", "u7", "mary@gmail.com"))),
        policy="two_facts",
        expected="free_mail",
    ),
    # One fact
    at(MARY, name="the address alone, and two facts are wanted", policy="two_facts", expected="one_fact"),
    Case(
        name="the domain is no second fact",
        answers=(crm(mail("10"), domain("10")),),
        policy="two_facts",
        expected="one_fact",
    ),
    Case(
        name="a source whose customer is not linked is no second fact",
        answers=(crm(mail("10")), desk(mail("org:9", "u7"))),
        policy="two_facts",
        expected="one_fact",
    ),
    Case(name="domain only", answers=(crm(domain("10")), desk(domain("org:1"))), expected="only_domain"),
    Case(name="domain only, and invited", invited_to="acme", answers=(crm(domain("10")),), expected="only_domain"),
    Case(name="number only", number="4711", answers=(crm(number("10")),), expected="only_number"),
    Case(
        name="number only, and no verified address",
        email=None,
        number="4711",
        answers=(crm(number("10")),),
        expected="only_number",
    ),
    # Facts that speak against it
    Case(
        name="the number of another company",
        number="4711",
        answers=(crm(mail("10"), number("20")),),
        expected="number_of_another",
    ),
    Case(
        name="the number of another company, in another source",
        number="4711",
        answers=(crm(mail("10"), number("10")), desk(number("org:2"))),
        expected="number_of_another",
    ),
    Case(
        name="the number of a company that is not linked",
        number="4711",
        answers=(crm(mail("10"), number("90")),),
        expected="number_of_another",
    ),
    Case(name="a number that nobody knows", number="4712", answers=(crm(mail("10")),), expected="number_unknown"),
    Case(
        name="a number that a source took for the same",
        number="a7",
        answers=(crm(mail("10"), number("10", "A7")),),
        policy="two_facts",
        expected="number_unknown",
    ),
    Case(
        name="a domain that a source gives to another",
        answers=(crm(mail("10")), desk(domain("org:2"))),
        expected="domain_of_another",
    ),
    Case(
        name="invited to another account",
        invited_to="globex",
        answers=(crm(mail("10")),),
        expected="invitation_disagrees",
    ),
    Case(name="a customer whom nobody has linked", answers=(crm(mail("90")),), expected="customer_not_linked"),
    # Sources that say nothing
    Case(name="a source is down", answers=(crm(mail("10")), SILENT_DESK), expected="source_silent"),
    Case(
        name="a source is down, and invited",
        invited_to="acme",
        answers=(SILENT_CRM, desk(mail("org:1"))),
        expected="source_silent",
    ),
    Case(name="every source is down", answers=(SILENT_CRM, SILENT_DESK), expected="source_silent"),
]
