"""A source that is let in by a consent whose tokens count once, until it is taken back: Zendesk's."""

import re
from html import unescape

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_door import litestar_of
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at
from test_source_consent import at_the_vendor

from auth.clock import utc_now
from connectors.errors import NotAgreed
from connectors.sandbox.zendesk.consent import CLIENT_ID, CLIENT_SECRET, TOKENS
from gateway.offices import Office
from gateway.records.feed_tables import FeedRow
from gateway.records.source_tables import ConsentToken
from gateway.records.tables import AuditLine, Source
from gateway.sources.export import export

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM, SETTINGS = "/staff/sources/new/zendesk", "/staff/sources/help/settings"


@pytest_asyncio.fixture
async def owner(portal: Portal) -> Staff:
    return await staff_at(portal, "owner")


def form(sandbox: RunningSandbox, **changes: str) -> dict[str, str]:
    given = {"title": "Help desk", "name": "help", "s-base_url": sandbox.zendesk_url, "s-client_id": CLIENT_ID}
    return {**given, "s-team_name": "Support", "kind-tickets": "yes", "do": "save", **changes}


async def connect(owner: Staff, sandbox: RunningSandbox) -> httpx.Response:
    secret = {"secret-client_secret": CLIENT_SECRET}
    assert (await owner.send("POST", FORM, **form(sandbox, **secret))).headers["location"] == f"{FORM}#trial-h"
    assert "Go on to Zendesk Support" in (await owner.get(FORM)).text
    await owner.get(await at_the_vendor(owner, f"{FORM}/consent", "Allow"))
    page = unescape((await owner.get(FORM)).text)
    assert "It works" in page
    return await owner.send("POST", FORM, **form(sandbox))


async def office(portal: Portal) -> Office:
    offices = litestar_of(portal.app).state.offices
    offices.look_again()
    found: Office = (await offices.all())["help"]
    return found


def asked(sandbox: RunningSandbox) -> int:
    return sum(seen.path == TOKENS for seen in sandbox.zendesk_seen)


async def test_connects_and_uses_each_token_once(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    assert (await connect(owner, sandbox)).headers["location"] == "/staff/sources/help"
    assert asked(sandbox) == 1, "a test and its save ask for no token of their own"
    desk = await office(portal)
    assert "Zendesk Support" in await desk.connector.check(desk.back_office)
    assert asked(sandbox) == 1
    first = set(sandbox.site.zendesk.bearers)
    sandbox.site.zendesk.bearers.clear()  # as over there the token has ended before its time
    assert "Zendesk Support" in await desk.connector.check(desk.back_office)
    assert asked(sandbox) == 2
    told = await export(portal.database)
    async with portal.database.read() as session:
        told += str([vars(line) for line in await session.scalars(sa.select(AuditLine))])
        told += str([vars(row) for row in await session.scalars(sa.select(ConsentToken))])
        told += str([vars(row) for row in await session.scalars(sa.select(Source))])
    told += (await owner.get("/staff/sources/help")).text + (await owner.get(SETTINGS)).text
    zendesk = sandbox.site.zendesk
    assert [secret for secret in (CLIENT_SECRET, *first, *zendesk.bearers, *zendesk.refreshes) if secret in told] == []


async def test_asks_an_owner_to_agree_again(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    await connect(owner, sandbox)
    sandbox.site.zendesk.bearers.clear()
    sandbox.site.zendesk.refreshes.clear()  # an admin over there took it back
    desk = await office(portal)
    with pytest.raises(NotAgreed) as refused:
        await desk.connector.check(desk.back_office)
    failed = {"failing_since": utc_now(), "error": f"NotAgreed: {refused.value}", "version": desk.version}
    async with portal.database.write() as session:  # as the feed does when it meets with that
        session.add(FeedRow(source="help", kind="tickets", **failed))
    page = unescape((await owner.get("/staff/sources/help")).text)
    assert "Help desk lets us in no more" in page
    (step,) = set(re.findall(r'href="([^"]+)"[^>]*>Agree again', page))
    assert step == f"{SETTINGS}/consent"
    await owner.get(await at_the_vendor(owner, step, "Allow"))
    page = (await owner.get(SETTINGS)).text
    assert "It works" in page
    version = re.search(r'name="version" value="([^"]*)"', page)
    assert version
    saved = await owner.send("POST", SETTINGS, **form(sandbox, version=unescape(version[1])))
    assert saved.headers["location"] == "/staff/sources/help"
    desk = await office(portal)
    assert "Zendesk Support" in await desk.connector.check(desk.back_office)
