"""A source that is let in by somebody's consent at the vendor's page, against a far end that checks all of it."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_door import litestar_of
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_staff import Staff, staff_at

from connectors.sandbox.hubspot.consent import CLIENT_ID, CLIENT_SECRET
from gateway.records.source_tables import SourceDraft
from gateway.records.tables import AuditLine, Source
from gateway.sources.export import export

# The rows are a form's, whose tables tests/test_migrations.py tries on both databases.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM, BACK = "/staff/sources/new/hubspot", "/staff/sources/consent"


@pytest_asyncio.fixture
async def owner(portal: Portal) -> Staff:
    return await staff_at(portal, "owner")


async def fill_in(owner: Staff, sandbox: RunningSandbox, **changes: str) -> httpx.Response:
    form = {
        "title": "Web shop",
        "name": "shop",
        "s-base_url": sandbox.hubspot_url,
        "s-client_id": CLIENT_ID,
        "secret-client_secret": CLIENT_SECRET,
        "kind-orders": "yes",
        **changes,
    }
    return await owner.send("POST", FORM, do="save", **form)


async def at_the_vendor(owner: Staff, path: str = f"{FORM}/consent", answer: str = "Connect app") -> str:
    """Leave for the vendor, answer there, and give the address with which it sends the browser back."""
    leaving = await owner.get(path)
    assert leaving.status_code == 303
    async with httpx.AsyncClient(trust_env=False) as web:
        page = await web.get(leaving.headers["location"])
    assert page.status_code == 200, page.text
    found = re.search(rf'<a href="([^"]+)">{answer}</a>', page.text)
    assert found
    address = urlsplit(unescape(found[1]))
    assert f"{address.scheme}://{address.netloc}" == owner.portal.base_url
    return f"{address.path}?{address.query}"


async def shop(portal: Portal) -> Source | None:
    async with portal.database.read() as session:
        return await session.get(Source, "shop")


async def test_connects_by_a_consent_and_asks_again_from_the_same_place(
    owner: Staff, portal: Portal, sandbox: RunningSandbox
) -> None:
    assert (await fill_in(owner, sandbox)).headers["location"] == f"{FORM}#trial-h"
    page = (await owner.get(FORM)).text
    assert "Go on to HubSpot" in page
    assert await shop(portal) is None
    leaving = await owner.get(f"{FORM}/consent")
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{portal.base_url}{BACK}"]
    assert CLIENT_SECRET not in leaving.headers["location"]
    back = await owner.get(await at_the_vendor(owner))
    assert back.headers["location"] == f"{FORM}#trial-h"
    page = (await owner.get(FORM)).text
    assert "It works" in page
    assert "Orders can be read" in page
    done = await fill_in(owner, sandbox, **{"secret-client_secret": ""})
    assert done.headers["location"] == "/staff/sources/shop"
    first = await shop(portal)
    assert first
    assert first.sealed.keys() == {"client_secret", "refresh_token"}
    office = (await litestar_of(portal.app).state.offices.all())["shop"]
    assert "HubSpot, account" in await office.connector.check(office.back_office)
    (given,) = sandbox.site.hubspot.consents
    told = await export(portal.database)
    async with portal.database.read() as session:
        told += str([vars(line) for line in await session.scalars(sa.select(AuditLine))])
    settings = "/staff/sources/shop/settings"
    told += (await owner.get(settings)).text + (await owner.get("/staff/sources/shop")).text
    assert given not in told
    assert CLIENT_SECRET not in told
    await owner.get(await at_the_vendor(owner, f"{settings}/consent"))
    page = (await owner.get(settings)).text
    assert "It works" in page
    version = re.search(r'name="version" value="([^"]*)"', page)
    assert version
    again = {"do": "save", "title": "Web shop", "kind-orders": "yes", "name": "shop", "version": unescape(version[1])}
    again |= {"s-base_url": sandbox.hubspot_url, "s-client_id": CLIENT_ID}
    assert (await owner.send("POST", settings, **again)).headers["location"] == "/staff/sources/shop"
    second = await shop(portal)
    assert second
    assert second.sealed["refresh_token"] != first.sealed["refresh_token"]
    assert len(sandbox.site.hubspot.consents) == 2


async def test_refuses_an_answer_that_nobody_asked_for(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    await fill_in(owner, sandbox)
    back = await at_the_vendor(owner)
    seen = len(sandbox.hubspot_seen)
    assert (await owner.get(f"{BACK}?code=x&state=forged")).status_code == 403
    assert (await owner.get(f"{BACK}?code=x")).status_code == 403
    other = Staff(portal, portal.stranger(), (await staff_at(portal, "owner")).cookie)
    assert other.cookie != owner.cookie
    assert (await other.get(back)).status_code == 403, "another session of the same person"
    newer = await at_the_vendor(owner)
    assert (await owner.get(back)).status_code == 403, "one that was left for anew"
    assert len(sandbox.hubspot_seen) == seen + 1, "nothing was sent but the page that was looked at"
    assert (await owner.get(newer)).status_code == 303
    assert (await owner.get(newer)).status_code == 403, "used already"
    assert len(sandbox.site.hubspot.consents) == 1
    async with portal.database.read() as session:
        assert [row.grant for row in await session.scalars(sa.select(SourceDraft))] == [None]


async def test_says_that_nobody_agreed(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    await fill_in(owner, sandbox)
    await owner.get(await at_the_vendor(owner, answer="Cancel"))
    page = unescape((await owner.get(FORM)).text)
    assert "No consent was given" in page
    assert "It said: access_denied" in page
    assert "Go on to HubSpot" in page
    back = await at_the_vendor(owner)
    await fill_in(owner, sandbox, **{"secret-client_secret": "another-secret"})
    await owner.get(back)
    page = unescape((await owner.get(FORM)).text)
    assert "No consent was given" in page
    assert "another-secret" not in page
    assert await shop(portal) is None
