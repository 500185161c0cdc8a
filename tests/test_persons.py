"""Whose own each record is, and who a person is now, in the sandbox's four back offices while they change."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct
from support_sandbox import RunningSandbox

from connectors.addresses import AddressPolicy
from connectors.config import decode_config
from connectors.contract import BackOffice, Facts, Person, Query
from connectors.errors import NotFound
from connectors.found import Found
from connectors.records import Kind
from connectors.registry import load_connectors
from connectors.sandbox.site import Sandbox
from connectors.sandbox.zendesk.changes import join, leave
from connectors.tokens import MemoryTokens
from connectors.transport import open_client

CONNECTORS = load_connectors(())
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
BAKERY, HOTEL, DESK_MAYA = 360001000010, 360001000030, 360002000031

Change = Callable[[Sandbox], object]


class Case(Struct, frozen=True):
    """Maya Okafor in one back office: her id, and what staff may do to her there."""

    settings: dict[str, str]
    person: str
    customers: set[str]
    moved: Change | None
    moved_to: set[str]
    gone: Change
    email: str = "maya@alderlane.example"


def moved_in_hubspot(site: Sandbox) -> None:
    for company in ("9010", "9020"):
        site.hubspot.part(("contacts", "501"), ("companies", company))
    site.hubspot.associate(("contacts", "501"), ("companies", "9030"), (279, 280))


def moved_in_zendesk(site: Sandbox) -> None:
    leave(site.zendesk, DESK_MAYA, BAKERY)
    join(site.zendesk, DESK_MAYA, HOTEL, NOW)


CASES = {
    "hubspot": Case(
        {"base_url": "hubspot", "access_token": "sandbox-hubspot-token"},
        "contact:501",
        {"contact:501", "company:9010", "company:9020"},
        moved_in_hubspot,
        {"contact:501", "company:9030"},
        lambda site: setattr(site.hubspot.objects["contacts"]["501"], "archived", True),
    ),
    "odoo": Case(
        {
            "base_url": "odoo",
            "database": "kestrel",
            "login": "portal@kestrel.example",
            "api_key": "sandbox-odoo-key",
        },
        "11",
        {"10"},
        lambda site: site.odoo.rows["res.partner"][11].update(commercial_partner_id=30),
        {"30"},
        lambda site: site.odoo.rows["res.partner"][11].update(active=False),
    ),
    "zendesk": Case(
        {
            "base_url": "zendesk",
            "email": "portal@kestrel.example",
            "api_token": "sandbox0zendesk0token0sandbox0zendesk0to",
        },
        f"user:{DESK_MAYA}",
        {f"user:{DESK_MAYA}", f"organization:{BAKERY}"},
        moved_in_zendesk,
        {f"user:{DESK_MAYA}", f"organization:{HOTEL}"},
        lambda site: site.zendesk.users[DESK_MAYA].update(suspended=True),
    ),
    "request_tracker": Case(
        {"base_url": "rt", "token": "1-14-5a0db0c5a0db0c5a0db0c5a0db0c5a0d"},
        "maya@alderlane.example",
        {"maya@alderlane.example"},
        None,
        set(),
        lambda site: site.rt.users["maya@alderlane.example"].update(Disabled="1"),
    ),
}


@asynccontextmanager
async def opened(name: str, sandbox: RunningSandbox) -> AsyncIterator[BackOffice[Any]]:
    connector = CONNECTORS[name]
    settings = CASES[name].settings
    config = decode_config(connector.config, settings | {"base_url": f"{sandbox.url}/{settings['base_url']}"})
    tokens = MemoryTokens()
    policy = AddressPolicy(allow_http=True, allow_private=True)
    async with open_client(connector.base_url(config), policy=policy, auth=connector.auth(config, tokens)) as http:
        yield BackOffice(source=name, http=http, config=config, tokens=tokens)


async def look(name: str, office: BackOffice[Any]) -> Person:
    fetch_person = CONNECTORS[name].person
    assert fetch_person is not None
    return await fetch_person(office, CASES[name].person)


@pytest.mark.parametrize("name", CASES)
async def test_follows_a_person_who_moves_and_who_goes(sandbox: RunningSandbox, name: str) -> None:
    case = CASES[name]
    async with opened(name, sandbox) as office:
        person = await look(name, office)
        assert (person.id, set(person.customers)) == (case.person, case.customers)
        assert case.email in person.emails
        if case.moved:
            case.moved(sandbox.site)
            assert (await look(name, office)).customers == case.moved_to
        case.gone(sandbox.site)
        with pytest.raises(NotFound):
            await look(name, office)


@pytest.mark.parametrize("name", CASES)
async def test_names_who_has_the_address_with_each_of_their_customers(sandbox: RunningSandbox, name: str) -> None:
    case = CASES[name]
    find = CONNECTORS[name].find
    async with opened(name, sandbox) as office:
        found = {each.customer: each.person for each in await find(office, Facts(email=case.email))}
        others = {"20": "21"} if name == "odoo" else {}  # Odoo has a contact for each of her companies
        assert found == dict.fromkeys(case.customers, case.person) | others
        by_domain = await find(office, Facts(domain="alderlane.example"))
        assert {each.person for each in by_domain} <= {None}
        case.gone(sandbox.site)
        gone = await find(office, Facts(email=case.email))
        assert case.person not in {each.person for each in gone}


@pytest.mark.parametrize(
    ("name", "kind", "customer", "own"),
    [
        ("odoo", "orders", "10", {"11": {"4381", "4398", "4402", "4417", "4431", "4440"}, "13": {"4424"}}),
        ("odoo", "invoices", "10", {"13": {"2055"}}),
        ("odoo", "tickets", "10", {"13": {"11"}}),
        ("hubspot", "orders", "company:9010", {"contact:502": {"order-54805204424"}}),
        (
            "zendesk",
            "tickets",
            f"organization:{BAKERY}",
            {f"user:{DESK_MAYA}": {"7060", "7074", "7081", "7085"}, "user:360002000032": {"7052", "7078"}},
        ),
        ("request_tracker", "tickets", "joseph@alderlane.example", {"joseph@alderlane.example": {"852", "885"}}),
    ],
)
async def test_tells_the_own_of_a_person_from_the_rest_of_the_company(
    sandbox: RunningSandbox, name: str, kind: Kind, customer: str, own: dict[str, set[str]]
) -> None:
    """Who is in copy of a request has nothing of it."""
    async with opened(name, sandbox) as office:
        page = await CONNECTORS[name].reads[kind](office, Query(customer=customer, asked_at=NOW))
    for person, records in own.items():
        assert {each.record.origin.id for each in page.answers if person in each.record.people} == records


async def test_gives_nobody_what_names_the_company_or_an_address_of_it(sandbox: RunningSandbox) -> None:
    sandbox.site.odoo.rows["sale.order"][4417]["partner_id"] = 12  # the shop that goods are delivered to
    async with opened("odoo", sandbox) as office:
        page = await CONNECTORS["odoo"].reads["orders"](office, Query(customer="10", asked_at=NOW))
    people = {each.record.origin.id: each.record.people for each in page.answers}
    assert (people["4385"], people["4417"], people["4424"]) == ((), (), ("13",))


def test_keeps_two_people_of_one_company_apart() -> None:
    found = Found()
    found.add("10", "Acme", "email", "shop@acme.example", "7")
    found.add("10", "Acme Ltd", "domain", "acme.example")
    found.add("10", "Acme", "email", "Shop@acme.example", "8")
    found.add("20", "Globex", "external_id", "G-1")
    assert [(each.customer, each.name, each.person, dict(each.matched)) for each in found.candidates] == [
        ("10", "Acme", "7", {"email": "shop@acme.example", "domain": "acme.example"}),
        ("10", "Acme", "8", {"email": "Shop@acme.example", "domain": "acme.example"}),
        ("20", "Globex", None, {"external_id": "G-1"}),
    ]
