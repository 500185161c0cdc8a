"""Files where the chosen helpdesk takes none: none are asked for, and none vanish behind "We have it"."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_portal import LAX, Portal, running
from support_sandbox import HUBSPOT_TOKEN, RunningSandbox
from support_uploads import PDF
from test_asking import form, send
from test_rights import SAME_SITE
from test_upload_forms import with_files

from connectors.registry import load_connectors
from gateway.app import make_app
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow
from gateway.settings import Settings
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from web.console.passport import passport_of

FORM = "/requests/new/something-else"
WRITTEN = {"subject": "A plan", "text": "Keep <these> words."}
SOURCES = """
[sources.crm]
connector = "hubspot"
title = "Offers"
[sources.crm.settings]
base_url = "CRM"
access_token = {env = "TOKEN"}
"""


@pytest.fixture
async def hubspot(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser of somebody whose only helpdesk is HubSpot."""
    portal = Portal(make_app(portal_settings), database, portal_settings)
    connectors = load_connectors()
    text = SOURCES.replace("CRM", sandbox.hubspot_url)
    wanted = parse(text, connectors, LAX, environ={"TOKEN": HUBSPOT_TOKEN}, folder=Path())
    diff = await plan(database, portal.vault, connectors, wanted)
    await apply(database, portal.vault, diff, datetime.now(UTC), trail=TRAIL, by=BY)
    await portal.link("maya", "bakery", ("crm", "company:9010"))
    async with running(portal.app):
        yield await portal.browser("maya", "bakery")
    await portal.aclose()


async def handed_in(database: Database) -> int | None:
    async with database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow))


async def test_asks_for_no_files_where_the_helpdesk_takes_none(hubspot: httpx.AsyncClient) -> None:
    page = (await hubspot.get(FORM)).text
    assert 'name="subject"' in page
    assert 'type="file"' not in page
    taken = await send(hubspot, {**await form(hubspot, FORM), **WRITTEN}, FORM)
    assert taken.headers["location"].startswith("/requests/sent/")


async def test_refuses_files_that_come_anyway_and_keeps_the_words(
    hubspot: httpx.AsyncClient, database: Database
) -> None:
    fields = {**await form(hubspot, FORM), **WRITTEN}
    answer = await hubspot.post(FORM, headers=SAME_SITE, **with_files(fields, ("a.pdf", PDF)))
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert "Files cannot be sent here. Send your message without them." in page
    assert "Keep <these> words.</textarea>" in page
    assert 'type="file"' not in page
    assert await handed_in(database) == 0


async def test_keeps_long_words_where_no_files_are_taken(hubspot: httpx.AsyncClient) -> None:
    """A browser writes a letter of another script with six signs, unless the form is one for files."""
    assert 'enctype="multipart/form-data"' in (await hubspot.get(FORM)).text
    fields = {**await form(hubspot, FORM), **WRITTEN, "text": "Щ" * 10_000}
    answer = await hubspot.post(FORM, headers=SAME_SITE, **with_files(fields))
    assert "Щ" * 10_000 in (await hubspot.get(answer.headers["location"])).text


@pytest.mark.parametrize("name", ["hubspot", "request_tracker", "zendesk"])
def test_says_of_each_system_whether_it_takes_files(name: str) -> None:
    connector = load_connectors()[name]
    takes = [each.takes_files for action, each in connector.actions.items() if action in {"new_ticket", "reply"}]
    assert set(takes) == {name != "hubspot"}
    assert ("Takes no files that customers send along." in passport_of(connector).cannot) == (name == "hubspot")
