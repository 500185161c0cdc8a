"""Customers read on every page who looks after them, as their back offices say it, and never who looks after others."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_portal import BAKERY, HOTEL, Portal
from support_sandbox import RunningSandbox
from support_staff import staff_at
from test_appearance import save
from test_staff_segments import HOTELS, publish, read_facts
from test_staff_visible import page, state_of, text_of

from auth.clock import utc_now
from connectors.counterparts import Counterpart
from connectors.errors import AccessDenied, BadResponse, ConnectorError
from connectors.sandbox.faults import Fault
from connectors.vendors.odoo import models, salespeople
from connectors.vendors.odoo.rpc import Odoo
from gateway.counterparts import LooksAfter, counterparts_of
from gateway.feeds.facts import FactReading
from gateway.office_hours import parse
from gateway.records.status_tables import CustomerFacts
from gateway.segments import Policy
from web.view import View

SETTINGS = "/staff/settings/appearance"
PRIYA, TOM = "Priya Nair", "Tom Reyes"
CARD = re.compile(r'aria-labelledby="person-h">.*?</section>', re.DOTALL)
FOOT = re.compile(r'<footer class="foot">.*?</footer>', re.DOTALL)
WAS_A_DAY_AGO = timedelta(hours=25)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def both(portal: Portal) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    await portal.link("maya", "bakery", *BAKERY)
    await portal.link("ines", "hotel", *HOTEL)
    return await portal.browser("maya", "bakery"), await portal.browser("ines", "hotel")


async def later(portal: Portal, *, hours: int = 6) -> None:
    """Read what is due in some hours, and do as if pages that were shown were ten seconds old."""
    await read_facts(portal, lambda: utc_now() + timedelta(hours=hours, minutes=1))
    await portal.forget_records()


def serve(sandbox: RunningSandbox, user: int | None, partner: int = 10) -> None:
    sandbox.site.odoo.rows["res.partner"][partner]["user_id"] = user


async def contact(browser: httpx.AsyncClient, path: str = "/") -> str:
    """Read the card and the foot, which say the same."""
    html = unescape((await browser.get(path)).text)
    card, foot = CARD.search(html), FOOT.search(html)
    assert card
    assert foot
    return card[0] + foot[0]


async def test_names_who_looks_after_the_customer(portal: Portal) -> None:
    maya, ines = await both(portal)
    assert PRIYA in await contact(maya), "nothing was read yet"
    await read_facts(portal)
    await portal.forget_records()
    for path in ("/", "/account", "/requests/new", "/inbox"):
        said = await contact(maya, path)
        assert said.count(TOM) == 2
        assert said.count("mailto:tom@kestrel.example") == 2
        assert said.count("tel:01134960188") == 2
        assert PRIYA not in said
        others = await contact(ines, path)
        assert PRIYA in others
        assert TOM not in others
    assert "TR</span>" in said
    desk = await staff_at(portal, "support")
    assert "10 Tom Reyes looks after them, as of today" in text_of(await page(desk, "/staff/customers/bakery"))
    assert "looks after them" not in text_of(await page(desk, "/staff/customers/hotel"))
    assert TOM in unescape((await maya.get("/orders")).text)
    assert TOM not in unescape((await portal.stranger().get("/sign-in")).text)


async def test_gives_what_is_missing_from_the_business(portal: Portal, sandbox: RunningSandbox) -> None:
    maya, _ = await both(portal)
    usual = await contact(maya)
    sandbox.site.odoo.rows["res.users"][7] |= {"email": None, "phone": None}
    await read_facts(portal)
    await portal.forget_records()
    said = await contact(maya)
    assert said.replace(TOM, PRIYA).replace("TR</span>", "PN</span>") == usual


async def test_says_who_took_over_and_who_has_left(portal: Portal, sandbox: RunningSandbox) -> None:
    maya, _ = await both(portal)
    await read_facts(portal)
    await portal.forget_records()
    assert TOM in await contact(maya)
    serve(sandbox, 2)
    await later(portal)
    said = await contact(maya)
    assert "Administrator" in said
    assert TOM not in said
    serve(sandbox, 8)  # who has left
    await later(portal, hours=13)
    assert PRIYA in await contact(maya)


async def test_forgets_what_nobody_has_said_for_a_day(portal: Portal, sandbox: RunningSandbox) -> None:
    maya, _ = await both(portal)
    await read_facts(portal)
    sandbox.site.odoo_switch.fault = Fault(kind="unavailable")
    await later(portal)
    assert TOM in await contact(maya), "the source is away since a moment"
    async with portal.database.write() as session:
        await session.execute(sa.update(CustomerFacts).values(counterpart_at=utc_now() - WAS_A_DAY_AGO))
    await portal.forget_records()
    assert PRIYA in await contact(maya)


async def test_goes_with_the_link(portal: Portal) -> None:
    maya, _ = await both(portal)
    await read_facts(portal)
    async with portal.database.write() as session:
        await session.execute(sa.text("DELETE FROM links WHERE customer = '10'"))
    async with portal.database.read() as session:
        assert await counterparts_of(session, ["bakery", "hotel"], utc_now()) == {}
    await portal.forget_records()
    assert PRIYA in await contact(maya)


async def test_says_it_of_the_account_that_one_acts_for(portal: Portal, sandbox: RunningSandbox) -> None:
    """One member with two accounts, and pages that are kept: neither gets the contact of the other."""
    await both(portal)
    await portal.link("ines", "bakery", *BAKERY)
    serve(sandbox, 2, partner=30)
    await read_facts(portal)
    bakery, hotel = await portal.browser("ines", "bakery"), await portal.browser("ines", "hotel")
    for _ in range(3):
        assert TOM in await contact(bakery)
        said = await contact(hotel)
        assert "Administrator" in said
        assert TOM not in said


async def test_is_for_staff_to_switch_off(portal: Portal) -> None:
    maya, _ = await both(portal)
    await read_facts(portal)
    owner = await staff_at(portal, "owner")
    shown = text_of(await page(owner, SETTINGS))
    assert "names somebody for 1 customer, and nobody for 1 customer" in shown
    assert await save(owner, own_contact="false") == (303, "")
    assert "Ida Kern" in await contact(maya)
    assert 'value="true" checked' not in await page(owner, SETTINGS)
    asked: list[str] = []
    with patch.object(FactReading, "_ask_who", lambda _, __, customer: asked.append(customer)):
        await read_facts(portal, lambda: utc_now() + timedelta(hours=7))
    assert asked == [], "nobody is asked for what is not shown"
    assert await save(owner, seen="1", own_contact="true", contact_source="erp") == (303, "")
    await later(portal, hours=8)
    assert TOM in await contact(maya)


@pytest.mark.parametrize("error", [AccessDenied("no"), BadResponse("what")])
async def test_asks_for_all_else_where_that_alone_is_refused(portal: Portal, error: ConnectorError) -> None:
    """Who may read no users sorts customers into segments all the same, and costs no name that is known."""
    maya, _ = await both(portal)
    await publish(portal, Policy(segments=(HOTELS,)))
    await read_facts(portal)

    async def refuse(office: Odoo, row: type[Any], model: str, *rest: Any) -> Any:
        if model == "res.users":
            raise error
        return await models.one(office, row, model, *rest)

    with patch.object(salespeople, "one", refuse):
        await later(portal)
    assert TOM in await contact(maya)
    async with portal.database.read() as session:
        rows = (await session.scalars(sa.select(CustomerFacts).order_by(CustomerFacts.customer))).all()
    assert [row.facts for row in rows] == [{"category_id": ["Retail"]}, {"category_id": ["Retail", "Hospitality"]}]
    assert all(row.read_at and row.read_at > utc_now() for row in rows), "it was read again"


def view_at(portal: Portal, now: datetime, hours: str) -> View:
    view: View = state_of(portal).view
    view.hours = parse(hours)
    view.now = lambda: now  # type: ignore[method-assign]
    return view


@pytest.mark.parametrize(
    ("now", "hours", "said"),
    [
        (datetime(2026, 11, 27, 22, tzinfo=UTC), "Mon-Fri 9:00-17:00", None),  # in the evening of a usual day
        (datetime(2026, 11, 28, 10, tzinfo=UTC), "Mon-Fri 9:00-17:00", "Monday 30 November, 09:00"),
        (datetime(2026, 12, 24, 8, tzinfo=UTC), "Mon-Fri 9:00-17:00, closed 2026-12-24", "Friday 25 December, 09:00"),
        (
            datetime(2026, 12, 24, 23, 59, tzinfo=UTC),
            "Mon-Fri 9:00-17:00, closed 2026-12-24 to 2027-01-03",
            "Monday 4 January, 09:00",
        ),
    ],
)
async def test_says_on_closed_days_when_somebody_is_there_again(
    portal: Portal, now: datetime, hours: str, said: str | None
) -> None:
    maya, _ = await both(portal)
    view_at(portal, now, hours)
    shown = await contact(maya)
    assert shown.count("Closed today") == (2 if said else 0)
    assert said is None or shown.count(f"Closed today, open again {said}.") == 2


def test_lets_the_source_go_first_that_staff_name(portal: Portal) -> None:
    view: View = state_of(portal).view
    said = [
        LooksAfter(source=source, customer="1", who=Counterpart(name=source.title()), at=utc_now())
        for source in ("crm", "erp")
    ]

    def named() -> str | None:
        return view.contact_of(said).name

    assert named() == "Crm"
    view.wear(replace(view.brand, contact_source="erp"))
    assert named() == "Erp"
    view.wear(replace(view.brand, contact_source="gone"))
    assert named() == "Crm"
    view.wear(replace(view.brand, own_contact=False))
    assert named() == PRIYA
