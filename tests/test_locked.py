"""The database is locked longer than anybody waits: who writes is told so, loses nothing, and reads on meanwhile."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy as sa
from support_portal import Portal
from support_sent import add_asked
from support_uploads import PDF
from test_asking import FORM as NEW
from test_asking import WRITTEN
from test_asking import form as form_of_request
from test_replies import form as form_of_reply
from test_rights import SAME_SITE
from test_upload_forms import with_files

from auth import cookies
from gateway.records.document_tables import GivenFile
from gateway.records.outbox_tables import OutboxRow

ENDS_WITHIN = 60  # seconds for all of it, however busy the machine is; a write that waited for the lock never ends
REQUEST, AGAIN, PAPER = "/requests/helpdesk/881", "/orders/erp/4424", "asked"
TABLES = "outbox, outbox_files, asked_documents, given_files, message_choices"
WORDS = "Ring <twice>, please."


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Let nobody write what customers send."""
    if url.startswith("sqlite"):
        held = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
        yield
        held.execute("ROLLBACK")
        held.close()
    else:
        with psycopg.connect(url) as connection:
            connection.execute(f"LOCK TABLE {TABLES} IN EXCLUSIVE MODE")
            yield
            connection.rollback()


@pytest.fixture
async def maya(served: tuple[Portal, str]) -> AsyncIterator[httpx.AsyncClient]:
    portal, session = served
    headers = {"Accept": "text/html", "Cookie": f"{cookies.SESSION}={session}"}
    async with httpx.AsyncClient(base_url=portal.base_url, headers=headers, timeout=ENDS_WITHIN) as browser:
        yield browser


async def forms(browser: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """Fill in one form of each kind; gives what is posted where."""
    again = (await browser.get(f"{AGAIN}/again")).text
    (token,) = set(re.findall(r'name="_token" value="([^"]+)"', again))
    (nonce,) = re.findall(r'name="nonce" value="([^"]+)"', again)
    reply = {**await form_of_reply(browser, REQUEST), "text": WORDS}
    request = {**await form_of_request(browser), **WRITTEN, "text": WORDS}
    return {
        f"{REQUEST}/reply": with_files(reply),
        NEW: {"data": request},
        f"{AGAIN}/again": {"data": {"_token": token, "nonce": nonce}},
        f"/documents/asked/{PAPER}": with_files({"_token": token}, ("licence.pdf", PDF)),
        "/account/mails": {"data": {"_token": token, "invoice_new": "1"}},
    }


async def made(portal: Portal) -> tuple[list[str], int]:
    """Say what was handed in, and how many files were given for documents."""
    async with portal.database.read() as session:
        actions = await session.scalars(sa.select(OutboxRow.action).order_by(OutboxRow.action))
        return list(actions), int(await session.scalar(sa.select(sa.func.count(GivenFile.id))) or 0)


async def test_refuses_what_is_written_and_shows_what_is_known(
    served: tuple[Portal, str], maya: httpx.AsyncClient, database_url: str
) -> None:
    portal, _ = served
    await add_asked(portal.database, "bakery")
    before = await made(portal)
    filled = await forms(maya)
    async with asyncio.timeout(ENDS_WITHIN):
        with locked(database_url):
            writing = [maya.post(path, headers=SAME_SITE, **sent) for path, sent in filled.items()]
            reading = [maya.get(path) for path in ("/", "/orders", "/invoices", REQUEST, f"/documents/asked/{PAPER}")]
            refused, shown = await asyncio.gather(asyncio.gather(*writing), asyncio.gather(*reading))
    assert {path: answer.status_code for path, answer in zip(filled, refused, strict=True)} == dict.fromkeys(
        filled, 503
    )
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert [answer.status_code for answer in shown] == [200] * 5
    for answer in refused[:2]:
        assert WORDS in unescape(answer.text), "what was written comes back with the form"
    assert await made(portal) == before
    for path, sent in filled.items():
        for _ in range(2):  # and once more, as somebody would who is not sure
            assert (await maya.post(path, headers=SAME_SITE, **sent)).status_code == 303, path
    assert await made(portal) == (["new_ticket", "order_again", "reply"], before[1] + 1)
