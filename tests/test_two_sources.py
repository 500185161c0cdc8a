"""One order that is in HubSpot and in Odoo: found, shown, decided by a rule, put right. Over the sandbox of both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import html5lib
import httpx
import pytest
from support_audit import BY, TRAIL
from support_portal import ISSUER, LAX, Portal, running
from support_sandbox import HUBSPOT_TOKEN, ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox

from auth.clock import utc_now
from cache.client import Client
from connectors.registry import load_connectors
from connectors.sandbox.faults import Fault
from gateway import conflicts as queue
from gateway.app import make_app
from gateway.feeds.comparing import Comparing
from gateway.feeds.reading import Reading
from gateway.feeds.sweeping import Sweeping
from gateway.kept import Kept
from gateway.links import Login, Proof, link
from gateway.offices import Offices
from gateway.persons import name_person
from gateway.records.database import Database
from gateway.rights import OWN
from gateway.settings import Settings
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse

SOURCES = f"""
[sources.crm]
connector = "hubspot"
title = "Offers"
[sources.crm.settings]
base_url = "HUBSPOT"
access_token = {{ env = "HUBSPOT_TOKEN" }}
offer_number_property = "offer_number"
[sources.erp]
connector = "odoo"
title = "Books"
[sources.erp.settings]
base_url = "ODOO"
database = "{ODOO_DATABASE}"
login = "{ODOO_LOGIN}"
api_key = {{ env = "ODOO_KEY" }}
"""
RULES = """
[agreement]
orders.state = ["erp", "crm"]
orders.total = ["erp", "crm"]
"""
DEAL, ORDER, NUMBER = "11201934445", "4440", "SO-4440"
CUSTOMERS = (("crm", "company:9010"), ("erp", "10"))


@asynccontextmanager
async def opened(
    settings: Settings, database: Database, sandbox: RunningSandbox, rules: str = ""
) -> AsyncIterator[Portal]:
    """The portal over both, with a bakery."""
    portal = Portal(make_app(settings), database, settings)
    text = SOURCES.replace('"HUBSPOT"', f'"{sandbox.hubspot_url}"').replace('"ODOO"', f'"{sandbox.odoo_url}"') + rules
    environ = {"ODOO_KEY": ODOO_KEY, "HUBSPOT_TOKEN": HUBSPOT_TOKEN}
    wanted = parse(text, load_connectors(), LAX, environ=environ, folder=Path())
    diff = await plan(database, portal.vault, load_connectors(), wanted)
    await apply(database, portal.vault, diff, datetime.now(UTC), trail=TRAIL, by=BY)
    await portal.link("maya", "bakery", *CUSTOMERS)
    async with running(portal.app):
        yield portal
    await portal.aclose()


@pytest.fixture
def deal(sandbox: RunningSandbox) -> dict[str, Any]:
    """Staff have written the number of the order into the deal, which still is an offer of more."""
    properties: dict[str, Any] = sandbox.site.hubspot.objects["deals"][DEAL].properties
    properties["offer_number"] = NUMBER
    return properties


async def compare(portal: Portal, redis: Client) -> dict[str, tuple[str, str]]:
    """Do as the worker does. Gives what is open, by field."""
    offices = Offices(portal.database, portal.vault, load_connectors(), LAX)
    await Comparing(portal.database, offices, Reading(Kept(redis), utc_now), utc_now).look(["bakery"])
    await offices.aclose()
    return {each.field: each.values for each in await queue.conflicts(portal.database)}


async def rows_of(browser: httpx.AsyncClient, number: str = NUMBER) -> list[str]:
    """The lines of the list of orders that name an order."""
    tree = html5lib.parse((await browser.get("/orders?show=all")).text, namespaceHTMLElements=False)
    rows = [" ".join("".join(row.itertext()).split()) for row in tree.iter("tr")]
    return [row for row in rows if number in row]


async def test_finds_the_conflict_and_shows_both_without_a_rule(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, redis: Client, deal: dict[str, Any]
) -> None:
    async with opened(portal_settings, database, sandbox) as portal:
        browser = await portal.browser("maya", "bakery")
        assert [("Quote" in row, "Confirmed" in row) for row in await rows_of(browser)] == [
            (False, True),
            (True, False),
        ]
        assert await compare(portal, redis) == {
            "state": ("quoted", "confirmed"),
            "total": ("EUR 6940.00", "EUR 512.00"),
        }
        deal |= {"amount": "512.004", "dealstage": "closedwon"}  # what HubSpot does not round is no conflict
        await portal.forget_records()
        await rows_of(browser)
        assert await compare(portal, redis) == {}
        assert {each.field: each.share for each in await queue.rates(database)} == {"state": 1, "total": 1}


async def test_finds_it_in_a_sweep_before_anybody_has_looked(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, redis: Client, deal: dict[str, Any]
) -> None:
    assert deal["offer_number"] == NUMBER
    async with opened(portal_settings, database, sandbox) as portal:
        offices = Offices(database, portal.vault, load_connectors(), LAX)
        reading = Reading(Kept(redis), utc_now)
        comparing = Comparing(database, offices, reading, utc_now)
        sweeping = Sweeping(database, offices, reading, comparing, utc_now, every=timedelta(days=1))
        found: list[int] = []
        for source in ("crm", "erp"):
            assert await sweeping.sweep(source)
            found.append(len(await queue.conflicts(database)))
        await offices.aclose()
    assert found == [0, 2]  # of one source alone nobody can say anything


async def test_shows_it_once_where_a_rule_says_who_counts(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, redis: Client, deal: dict[str, Any]
) -> None:
    assert deal["offer_number"] == NUMBER
    async with opened(portal_settings, database, sandbox, RULES) as portal:
        browser = await portal.browser("maya", "bakery")
        (row,) = await rows_of(browser)
        assert "€512.00" in row
        assert "Also in Offers" in row
        page = (await browser.get(f"/orders/erp/{ORDER}")).text
        assert f'href="/orders/crm/deal-{DEAL}"' in page
        assert (await browser.get(f"/orders/crm/deal-{DEAL}")).status_code == 200
        home = (await browser.get("/api/v1/home")).json()
        assert f"deal-{DEAL}" not in str(home)
        assert NUMBER in str(home)
        assert await compare(portal, redis) == {}
        settled = {each.field: each.decided_by for each in await queue.conflicts(database, "settled")}
        assert settled == {"state": queue.RULE, "total": queue.RULE}


async def test_lists_the_files_of_both(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, deal: dict[str, Any]
) -> None:
    deal["offer_number"] = "SO-4381"  # of which there is a delivery slip
    shown: list[str] = []
    for first, second in (("erp", "crm"), ("crm", "erp")):
        rules = RULES.replace("erp", "FIRST").replace("crm", second).replace("FIRST", first)
        async with opened(portal_settings, database, sandbox, rules) as portal:
            browser = await portal.browser("maya", "bakery")
            shown += [row for row in await rows_of(browser, "SO-4381") if "Also in" in row]
            files = html5lib.parse((await browser.get("/documents")).text, namespaceHTMLElements=False).iter("a")
            assert any(str(each.get("href")).startswith("/orders/erp/4381/files/") for each in files)
    assert [("Books" in row, "Offers" in row) for row in shown] == [(False, True), (True, False)]


async def test_keeps_the_only_one_that_a_member_may_see(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, deal: dict[str, Any]
) -> None:
    """Whoever is known to the offers alone sees the offer, whatever counts."""
    assert deal["offer_number"] == NUMBER
    async with opened(portal_settings, database, sandbox, RULES) as portal:
        login = Login(ISSUER, "joseph")
        proof = Proof(fact="his card", decided_by="test", decided_at=datetime.now(UTC))
        await link(
            database,
            trail=TRAIL,
            by=BY,
            account="bakery",
            source="crm",
            customer=CUSTOMERS[0][1],
            proof=proof,
            login=login,
            rights=OWN,
        )
        person = {"source": "crm", "person": "contact:501"}
        await name_person(database, trail=TRAIL, by=BY, login=login, **person, proof=proof)
        (row,) = await rows_of(await portal.browser("joseph", "bakery"))
        assert "Quote" in row
        assert "Also in" not in row


async def test_shows_the_other_while_the_one_that_counts_was_never_read(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, deal: dict[str, Any]
) -> None:
    assert deal["offer_number"] == NUMBER
    async with opened(portal_settings, database, sandbox, RULES) as portal:
        sandbox.odoo_fault(Fault(kind="unavailable"))
        (row,) = await rows_of(await portal.browser("maya", "bakery"))
        assert "Quote" in row
