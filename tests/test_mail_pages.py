"""The pages about mails: what a member chooses, the way out, and the way from a mail to its record."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from support_portal import BAKERY, HOTEL, Portal, running
from support_sandbox import RunningSandbox
from support_staff import staff_at
from test_rights import SAME_SITE, text_of

from connectors.config import Secret
from gateway.app import make_app
from gateway.audit_reading import Wanted, read
from gateway.keyring import parse_keyring
from gateway.mails.choices import Stop, Stops
from gateway.occasions import EVENTS
from gateway.records.database import Database
from gateway.records.mail_tables import MessageChoice, RefusedAddress
from gateway.records.tables import Member
from gateway.settings import Settings

PAGE = "/account/mails"
INVOICE = "/invoices/erp/2093"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def mailing(database: Database, portal_settings: Settings, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    """The portal, with a mail server."""
    settings = replace(portal_settings, smtp_url=Secret("smtp://127.0.0.1:1"), mail_from="portal@kestrel.example")
    made = Portal(make_app(settings), database, settings)
    await made.connect(sandbox)
    await made.link("maya", "bakery", *BAKERY)
    await made.link("ines", "hotel", *HOTEL)
    async with running(made.app):
        yield made
    await made.aclose()


async def choose(browser: httpx.AsyncClient, *events: str, **more: str) -> httpx.Response:
    """Choose mails of these events and of no others, and have all in the inbox."""
    page = (await browser.get(PAGE)).text
    (token,) = set(re.findall(r'name="_token" value="([^"]+)"', page))
    offered = re.findall(r'name="mail-(\w+)"', page)
    data = {f"mail-{event}": "at_once" if event in events else "none" for event in offered}
    data |= {f"inbox-{event}": "1" for event in offered} | {"zone": "UTC", "quiet_from": "20", "quiet_until": "7"}
    return await browser.post(PAGE, data={"_token": token, "daily_at": "8", **data, **more}, headers=SAME_SITE)


async def unwanted(portal: Portal) -> set[str]:
    async with portal.database.read() as session:
        return set(await session.scalars(sa.select(MessageChoice.event).where(MessageChoice.mail == "none")))


async def member_of(portal: Portal, subject: str = "maya") -> str:
    async with portal.database.read() as session:
        return (await session.scalars(sa.select(Member.id).where(Member.subject == subject))).one()


def stops(settings: Settings) -> Stops:
    return Stops(settings.keyring())


async def test_offers_all_at_first_and_keeps_what_is_chosen(mailing: Portal) -> None:
    maya = await mailing.browser("maya", "bakery")
    page = unescape((await maya.get(PAGE)).text)
    assert "maya@example.com" in page
    chosen = re.findall(r'<option value="(\w+)" selected>', page)
    assert (chosen.count("at_once"), chosen.count("none")) == (len(EVENTS) - 1, 1)
    assert page.count('name="inbox-') == len(EVENTS)
    answer = await choose(maya, "invoice_overdue", "request_waits")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?saved=1")
    page = (await maya.get(answer.headers["location"])).text
    assert page.count('<option value="at_once" selected>') == 2
    assert "Saved." in page
    others = set(EVENTS) - {"invoice_overdue", "request_waits"}
    assert await unwanted(mailing) == others - {"order_moved"}, "of that there were none anyway"
    await choose(maya, "invoice_overdue", "request_waits")  # again, which changes nothing
    (line,) = [line async for line in _told(mailing)]
    assert line["before"] == dict.fromkeys(others - {"order_moved"}, "at_once, inbox")
    assert line["after"] == dict.fromkeys(others - {"order_moved"}, "none, inbox")


async def test_leaves_alone_what_the_member_does_not_see(mailing: Portal) -> None:
    maya = await mailing.browser("maya", "bakery")
    await choose(maya, "order_shipped")
    async with mailing.database.write() as session:
        await session.execute(sa.text('UPDATE memberships SET rights = \'{"orders": "none"}\''))
    maya = await mailing.browser("maya", "bakery")
    assert "order_shipped" not in (await maya.get(PAGE)).text
    await choose(maya, "invoice_new")
    assert "invoice_overdue" in await unwanted(mailing)
    assert not {"order_shipped", "invoice_new"} & await unwanted(mailing)


async def test_says_that_an_address_was_refused(mailing: Portal) -> None:
    maya = await mailing.browser("maya", "bakery")
    (token,) = set(re.findall(r'name="_token" value="([^"]+)"', (await maya.get("/account")).text))
    row = RefusedAddress(
        member_id=await member_of(mailing), address="maya@example.com", refused_at=NOON, said="550 5.1.1"
    )
    async with mailing.database.write() as session:
        session.add(row)
    page = (await maya.get(PAGE)).text
    assert "come back.</strong>" in page
    assert "5.1.1" not in page
    answer = await maya.post(f"{PAGE}/address", data={"_token": token}, headers=SAME_SITE)
    assert answer.status_code == 303
    assert "come back.</strong>" not in (await maya.get(PAGE)).text


async def test_says_that_there_are_none_without_a_mail_server(portal: Portal) -> None:
    maya = await portal.browser("maya", "bakery")
    page = (await maya.get(PAGE)).text
    assert "We send no mails yet" in page
    assert 'name="mail-' not in page
    assert 'name="inbox-invoice_new"' in page


async def test_stops_mails_by_one_click_of_a_mail_program(mailing: Portal, portal_settings: Settings) -> None:
    await (await mailing.browser("maya", "bakery")).get("/")
    token = stops(portal_settings).sign(Stop(await member_of(mailing), "invoice_new"))
    program = mailing.stranger()
    page = await program.get(f"/mails/stop/{token}")
    assert "Stop these mails?" in page.text
    assert await unwanted(mailing) == set()  # programs open links
    body = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        answer = await program.post(f"/mails/stop/{token}", data=body)
        assert (answer.status_code, "Stopped" in answer.text) == (200, True)
    assert await unwanted(mailing) == {"invoice_new"}
    assert len([line async for line in _told(mailing)]) == 1


async def test_takes_no_token_that_is_not_ours(mailing: Portal, portal_settings: Settings) -> None:
    await (await mailing.browser("maya", "bakery")).get("/")
    member = await member_of(mailing)
    good = stops(portal_settings).sign(Stop(member, "invoice_new"))
    forged = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace("invoice_new", "order_shipped"),
        good.replace("invoice_new", "nothing"),
        f"{member}.invoice_new.",
        f"{member}.invoice_new",
        "x",
        good.replace(member, "0" * 26),
    ]
    for token in forged:
        for method in ("GET", "POST"):
            assert (await mailing.stranger().request(method, f"/mails/stop/{token}")).status_code == 404, token
    assert await unwanted(mailing) == set()


def test_believes_what_an_older_key_signed() -> None:
    old, new = "1:" + "A" * 43 + "=", "2:" + "B" * 42 + "A="
    token = Stops(parse_keyring(old)).sign(Stop("m", "invoice_new"))
    assert Stops(parse_keyring(f"{old},{new}")).read(token) == Stop("m", "invoice_new")
    assert Stops(parse_keyring(new)).read(token) is None


async def test_leads_from_a_mail_to_its_record(mailing: Portal) -> None:
    maya = await mailing.browser("maya", "bakery")
    answer = await maya.get(f"/open/bakery{INVOICE}")
    assert (answer.status_code, answer.headers["location"]) == (303, INVOICE)
    ines = await mailing.browser("ines", "hotel")
    for path in (f"/open/bakery{INVOICE}", f"/open/nowhere{INVOICE}", "/open/hotel/account/x/1"):
        assert (await ines.get(path)).status_code == 404, path


async def test_leads_there_after_sign_in(mailing: Portal) -> None:
    answer = await mailing.stranger().get(f"/open/bakery{INVOICE}")
    assert answer.headers["location"] == f"/sign-in?next=/open/bakery{INVOICE}"


async def test_leads_to_another_account_of_theirs(mailing: Portal) -> None:
    await mailing.link("maya", "hotel", *HOTEL)
    maya = await mailing.browser("maya", "hotel")
    page = unescape((await maya.get(f"/open/bakery{INVOICE}")).text)
    assert "This belongs to Bakery" in page
    form = page.partition("<main")[2].partition("<form")[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = await maya.post("/account/use", data=fields, headers=SAME_SITE)
    assert (answer.status_code, answer.headers["location"]) == (303, INVOICE)


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example/", "/\\evil.example"])
async def test_leads_nowhere_else(place: str, mailing: Portal) -> None:
    await mailing.link("maya", "hotel", *HOTEL)
    maya = await mailing.browser("maya", "hotel")
    (token,) = set(re.findall(r'name="_token" value="([^"]+)"', (await maya.get("/account")).text))
    data = {"_token": token, "account": "bakery", "next": place}
    answer = await maya.post("/account/use", data=data, headers=SAME_SITE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def _told(portal: Portal) -> AsyncIterator[dict[str, object]]:
    for line in await read(portal.database, portal.vault, Wanted(latest=9, what="mails")):
        yield line.details


UNWRITABLE = ("anna@müller.example", "jürgen@muller.example", "anna@xn--mller-kva.example")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("address", UNWRITABLE)
async def test_says_of_an_address_that_no_mail_can_go_to_it(mailing: Portal, address: str) -> None:
    maya = await mailing.browser("maya", "bakery")
    assert "Mails go to maya@example.com" in text_of((await maya.get(PAGE)).text)
    async with mailing.database.write() as session:
        await session.execute(sa.update(Member).where(Member.subject == "maya").values(email=address))
    for place in (PAGE, "/welcome/mails"):
        page = text_of((await maya.get(place)).text)
        assert f"We can’t write to {address}." in page
        assert "Mails go to" not in page
    staff = await staff_at(mailing, "support")
    assert "No mail can go to this address" in unescape((await staff.get("/staff/customers/bakery")).text)
