"""Staff sort customers into segments, who then see something else, by what the systems know of them."""

import json
import re
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_portal import BAKERY, HOTEL, Portal
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at
from test_staff_visible import form_of, page, publish_draft, state_of, text_of

from auth.clock import utc_now
from connectors.sandbox.faults import Fault
from gateway.feeds.facts import FactReading, Values
from gateway.offices import Office
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Account, AuditLine
from gateway.seeing.marking import Marking
from gateway.seeing.versions import POLICIES
from gateway.segments import Notice, Policy, Rule, Seen, Segment
from gateway.shown import ALL, AMOUNTS, Shown

SEGMENTS = "/staff/segments"
AMOUNT = 'data-label="Amount"'
LESS = Shown(fields={kind: its - {AMOUNTS} for kind, its in ALL.items()}).normal
RULE = Rule(source="erp", property="category_id", how="contains", values=("Hospitality",))
WELCOME = "Your winter prices are here."
HOTELS = Segment(
    name="hotels", title="Hotels", rule=RULE, seen=Seen(topics=("order",), notice=Notice(text=WELCOME, topic="order"))
)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def read_facts(portal: Portal, now: Callable[[], datetime] = utc_now) -> None:
    await FactReading(portal.database, state_of(portal).offices, now).turn()


async def publish(portal: Portal, policy: Policy) -> None:
    seen = (await POLICIES.live(portal.database)).number
    await POLICIES.publish(portal.database, policy, trail=TRAIL, by=BY, now=utc_now(), seen=seen)
    state_of(portal).offices.look_again()
    await portal.forget_records()


async def both(portal: Portal) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    await portal.link("maya", "bakery", *BAKERY)
    await portal.link("ines", "hotel", *HOTEL)
    return await portal.browser("maya", "bakery"), await portal.browser("ines", "hotel")


async def orders(browser: httpx.AsyncClient) -> str:
    await browser.get("/orders?show=all")
    return (await browser.get("/orders?show=all")).text


async def save(staff: Staff, path: str, **written: str) -> httpx.Response:
    form = form_of(await page(staff, path))
    return await staff.send("POST", path, **(form | written))


async def test_sorts_customers_by_what_a_system_says(portal: Portal) -> None:
    maya, ines = await both(portal)
    staff = await staff_at(portal, "admin")
    written = {"title": "Hotels", "source": "erp", "property": "category_id", "how": "contains", "values": "hospital"}
    form = form_of(await page(staff, f"{SEGMENTS}/add")) | written | {"notice": WELCOME, "notice_topic": "order"}
    saved = await staff.send("POST", f"{SEGMENTS}/add", **form)
    assert (saved.status_code, saved.headers["location"]) == (303, SEGMENTS), saved.text
    assert (await save(staff, "/staff/visible", **{"orders.amounts": ""})).status_code == 303
    said = text_of(await page(staff, SEGMENTS))
    assert re.search(r"Tags in [\w ]+ contains “hospital”", said)
    assert "2 customers may be in several" in said, "nothing was read yet"
    await read_facts(portal)
    said = text_of(await page(staff, SEGMENTS))
    assert re.search(r"“hospital” 1 ", said)
    assert "may be in several" not in said
    who = text_of(await page(staff, f"{SEGMENTS}/one/hotels/customers"))
    assert "Hotel" in who
    assert "category_id: Retail, Hospitality" in who
    assert "Bakery" not in who
    file = f"{SEGMENTS}/one/everybody-else/customers.csv"
    others = (await staff.get(f"{file}?q=bak")).text
    assert "Bakery,bakery,Everybody else,yes,category_id: Retail," in others.replace('"', "")
    async with portal.database.read() as session:
        told = await session.scalar(sa.select(AuditLine.details).where(AuditLine.what == "customers.exported"))
    assert json.loads(told or "") == {"rows": 1, "segment": "everybody-else", "only": ""}
    reader = await staff_at(portal, "read-only")
    assert "customers.csv" in await page(staff, file.removesuffix(".csv"))
    assert "customers.csv" not in await page(reader, file.removesuffix(".csv"))
    assert (await reader.get(file)).status_code == 403
    await maya.get("/orders")
    await ines.get("/orders")
    tried = text_of(await page(staff, "/staff/visible/rehearsal"))
    assert "Hotels 0 1" in tried
    await publish_draft(portal, staff)
    assert AMOUNT not in await orders(maya)
    assert AMOUNT in await orders(ines)
    assert WELCOME in (await ines.get("/")).text
    assert 'href="/requests/new/order"' in unescape((await ines.get("/")).text)
    assert WELCOME not in (await maya.get("/")).text
    late = await staff.send("POST", f"{SEGMENTS}/order", name="hotels", step="1", version="0")
    assert late.status_code == 409
    asked = form_of(await page(staff, f"{SEGMENTS}/one/hotels/remove"))
    assert (await staff.send("POST", f"{SEGMENTS}/one/hotels/remove", **asked)).status_code == 303
    assert "Hotels" not in await page(staff, SEGMENTS)
    assert (await staff.get(f"{SEGMENTS}/one/hotels")).status_code == 404
    assert AMOUNT in await orders(ines), "it is a draft"


async def test_says_what_is_wrong(portal: Portal) -> None:
    staff = await staff_at(portal, "admin")
    wrong = {"title": "", "source": "helpdesk", "property": "x", "how": "more_than", "values": "many"}
    assert 'class="error"' not in await page(staff, f"{SEGMENTS}/add"), "nothing is wrong with what nobody wrote"
    answer = await save(staff, f"{SEGMENTS}/add", **wrong)
    assert answer.status_code == 422
    for said in ("Call it something", "Choose a system that tells", "Write a number."):
        assert said in answer.text
    assert ">many</textarea>" in answer.text
    assert (await (await staff_at(portal, "support")).send("POST", f"{SEGMENTS}/add", **wrong)).status_code == 403


async def test_shows_the_stricter_where_nobody_knows(portal: Portal, sandbox: RunningSandbox) -> None:
    _, ines = await both(portal)
    await publish(portal, Policy(everybody=Seen(shown=LESS), segments=(HOTELS,)))
    assert AMOUNT not in await orders(ines), "never read"
    assert WELCOME not in (await ines.get("/")).text
    sandbox.site.odoo_switch.fault = Fault(kind="unavailable")
    await read_facts(portal)
    assert AMOUNT not in await orders(ines), "the source is away"
    sandbox.site.odoo_switch.fault = Fault()
    await read_facts(portal, lambda: utc_now() + timedelta(seconds=20))
    await portal.forget_records()
    assert AMOUNT in await orders(ines)
    topics = (await ines.get("/requests/new")).text
    assert 'href="/requests/new/order"' in topics
    assert 'href="/requests/new/invoice' not in topics
    assert (await ines.get("/requests/new/dispute")).status_code == 404
    async with portal.database.write() as session:
        await session.execute(sa.update(CustomerFacts).values(read_at=datetime.now(UTC) - timedelta(hours=25)))
    await portal.forget_records()
    assert AMOUNT not in await orders(ines), "it was told too long ago"


async def test_asks_about_others_where_one_breaks_it(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    await both(portal)
    await publish(portal, Policy(segments=(HOTELS,)))
    ask, asked = FactReading._ask, []

    async def break_down(self: FactReading, office: Office, customer: str, names: Collection[str]) -> Values | None:
        asked.append(customer)
        if customer == "10":
            raise ValueError
        return await ask(self, office, customer, names)

    monkeypatch.setattr(FactReading, "_ask", break_down)
    await read_facts(portal)
    async with portal.database.read() as session:
        rows = await session.execute(sa.select(CustomerFacts.customer, CustomerFacts.read_at.is_not(None)))
        assert sorted(map(tuple, rows)) == [("10", False), ("30", True)]
    await read_facts(portal, lambda: utc_now() + timedelta(seconds=20))
    assert asked == ["10", "30"], "it has its turn again in an hour"
    await read_facts(portal, lambda: utc_now() + timedelta(minutes=61))
    assert asked[2:] == ["10", "30"]


async def test_forgets_what_it_knew_of_a_customer_with_the_link(portal: Portal) -> None:
    await both(portal)
    await publish(portal, Policy(segments=(HOTELS,)))
    await read_facts(portal)
    async with portal.database.read() as session:
        assert sorted(await session.scalars(sa.select(CustomerFacts.customer))) == ["10", "30"]
    async with portal.database.write() as session:
        await session.execute(sa.text("DELETE FROM links WHERE customer = '30'"))
    async with portal.database.read() as session:
        assert list(await session.scalars(sa.select(CustomerFacts.customer))) == ["10"]


async def test_says_how_many_are_still_to_be_counted(portal: Portal) -> None:
    await publish(portal, Policy(segments=(HOTELS,)))
    rows = [{"id": f"z{number:04}", "name": "Zed", "created_at": utc_now()} for number in range(1001)]
    async with portal.database.write() as session:
        await session.execute(sa.insert(Account), rows)
    staff = await staff_at(portal, "admin")
    assert re.search(r"1,?003 customers are still to be counted", text_of(await page(staff, SEGMENTS)))
    await Marking(portal.database, utc_now).turn()
    said = text_of(await page(staff, SEGMENTS))
    assert "still to be counted" not in said
    assert re.search("1,?003 customers may be in several", said)
    found = text_of(await page(staff, f"{SEGMENTS}/one/hotels/customers?q=zed"))
    assert re.search("Customers 1 to 100 of more than 1,?000", found)
    last = await page(staff, f"{SEGMENTS}/one/hotels/customers?q=zed&page=11")
    assert re.search("Customers 1,?001 to 1,?001 of 1,?001", text_of(last))
    assert ">Next<" not in last


Walk = Callable[[httpx.AsyncClient], Awaitable[str]]


async def test_mixes_no_copies_of_two_segments(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """One member, who acts for customers of two segments: pages that were kept are given again to nobody else."""
    await both(portal)
    await portal.link("ines", "bakery", *BAKERY)
    await publish(portal, Policy(everybody=Seen(shown=LESS), segments=(HOTELS,)))
    await read_facts(portal)
    bakery, hotel = await portal.browser("ines", "bakery"), await portal.browser("ines", "hotel")

    async def look() -> list[bool]:
        found = []
        for _ in range(3):
            for browser in (hotel, bakery):
                home = (await browser.get("/")).text + (await browser.get("/api/v1/home")).text
                found.append(WELCOME in home)
                found.append(AMOUNT in await orders(browser))
        return found

    assert await look() == [True, True, False, False] * 3
    await publish(portal, Policy(everybody=Seen(), segments=(replace_seen(HOTELS, Seen(shown=LESS)),)))
    assert await look() == [False, False, False, True] * 3
    # Broken on purpose: did what is shown not follow the segment, both would see the same.
    monkeypatch.setattr("gateway.segments.Policy.seen_by", lambda policy, _: policy.everybody)
    await portal.forget_records()
    assert await look() != [False, False, False, True] * 3


def replace_seen(segment: Segment, seen: Seen) -> Segment:
    return Segment(name=segment.name, title=segment.title, rule=segment.rule, seen=seen)
