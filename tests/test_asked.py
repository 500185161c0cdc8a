"""Documents that staff ask for: seen by whom they concern, sent once, accepted or refused, and kept for a while."""

import asyncio
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_cli import Hallway
from support_portal import ISSUER, Portal
from support_uploads import PDF
from test_audited import LINK, LOGIN
from test_rights import SAME_SITE, member
from test_upload_forms import with_files

from gateway import asked
from gateway.asked import NotWanted
from gateway.links import LinkError, Login
from gateway.records.document_tables import GivenFile
from gateway.rights import COMPANY, OWN

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DUE = datetime(2020, 1, 31, tzinfo=UTC).date()
LABEL = "Trade <licence>"


async def ask(portal: Portal, label: str = LABEL, login: Login | None = None) -> str:
    return await asked.ask(
        portal.database, trail=TRAIL, by=BY, account="bakery", label=label, due_on=DUE, login=login, now=NOW
    )


async def send(browser: httpx.AsyncClient, id_: str, *files: tuple[str, bytes], token: str = "") -> httpx.Response:
    address = f"/documents/asked/{id_}"
    page = (await browser.get("/account")).text
    fields = {"_token": token or page.partition('name="_token" value="')[2].partition('"')[0]}
    return await browser.post(address, headers=SAME_SITE, **with_files(fields, *files))


async def test_is_asked_sent_refused_sent_again_and_accepted(portal: Portal) -> None:
    id_ = await ask(portal)
    maya = await portal.browser("maya", "bakery")
    address = f"/documents/asked/{id_}"
    home = (await maya.get("/")).text
    assert "Trade &lt;licence&gt;" in home
    assert f'href="{address}"' in unescape(home)
    assert '>Documents<span class="count" data-tone="go">1<' in home
    for page in ("/documents", address):
        assert "Overdue" in (await maya.get(page)).text
    answer = await send(maya, id_, ("../<i>licence</i>.pdf", PDF))
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    page = (await maya.get(address)).text
    assert "Received" in page
    assert 'type="file"' not in page
    assert "<i>" not in page
    home = (await maya.get("/")).text
    assert address not in unescape(home), "it is not their turn"
    assert ">Documents</a>" in home
    assert (await send(maya, id_, ("b.pdf", PDF))).status_code == 409
    (file,) = await asked.given_files(portal.database, trail=TRAIL, by=BY, id_=id_)
    assert (file.name, file.content) == ("i_.pdf", PDF), "what came first"

    await asked.refuse(portal.database, trail=TRAIL, by=BY, id_=id_, reason="Page <2> is missing.", now=NOW)
    page = (await maya.get(address)).text
    assert "Asked again" in page
    assert "Page &lt;2&gt; is missing." in page
    assert (await send(maya, id_, ("c.pdf", PDF + b"2"))).status_code == 303
    (file,) = await asked.given_files(portal.database, trail=TRAIL, by=BY, id_=id_)
    assert (file.name, file.content) == ("c.pdf", PDF + b"2"), "in place of the first"
    await asked.accept(portal.database, trail=TRAIL, by=BY, id_=id_, now=NOW)
    assert "Accepted" in (await maya.get(address)).text
    for change in (asked.accept(portal.database, trail=TRAIL, by=BY, id_=id_, now=NOW),):
        with pytest.raises(NotWanted):
            await change


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ([], "Choose a file first."),
        ([("a.exe", b"MZ")], "of a kind that we do not take"),
        ([("a.pdf", b"x")], "is not what"),
    ],
    ids=["none", "no kind", "another kind"],
)
async def test_says_why_it_is_not_taken(portal: Portal, files: list[tuple[str, bytes]], problem: str) -> None:
    id_ = await ask(portal)
    maya = await portal.browser("maya", "bakery")
    answer = await send(maya, id_, *files)
    assert answer.status_code == 422
    assert problem in unescape(answer.text)
    assert "Overdue" in (await maya.get(f"/documents/asked/{id_}")).text


async def test_takes_two_clicks_for_one(portal: Portal) -> None:
    id_ = await ask(portal)
    maya = await portal.browser("maya", "bakery")
    ends = await asyncio.gather(*(send(maya, id_, ("a.pdf", PDF)) for _ in range(2)))
    assert {end.status_code for end in ends} == {303}
    async with portal.database.read() as session:
        assert (await session.execute(sa.select(sa.func.count()).select_from(GivenFile))).scalar_one() == 1


@pytest.mark.parametrize(("names", "said"), [(["b.pdf"], "b.pdf was"), (["b.pdf", "c.pdf"], "b.pdf and c.pdf were")])
async def test_says_which_files_came_too_late(portal: Portal, names: list[str], said: str) -> None:
    id_ = await ask(portal)
    maya = await portal.browser("maya", "bakery")
    assert (await send(maya, id_, ("a.pdf", PDF))).status_code == 303
    answer = await send(maya, id_, *((name, PDF) for name in names))
    assert answer.status_code == 409
    assert f"{said} not kept" in unescape(answer.text)
    assert "a.pdf" in answer.text


async def test_is_seen_by_whom_it_concerns_alone(portal: Portal) -> None:
    company = await ask(portal, "Of the company")
    joe = await member(portal, "joe", replace(OWN, documents="own"))
    ora = await member(portal, "ora", replace(COMPANY, documents="none"))
    maya, ines = await portal.browser("maya", "bakery"), await portal.browser("ines", "hotel")
    personal = await ask(portal, "Of Joe", Login(ISSUER, "joe"))
    sees = {company: {maya}, personal: {joe}}
    for id_, label in ((company, "Of the company"), (personal, "Of Joe")):
        for browser in (maya, joe, ora, ines):
            may = browser in sees[id_]
            assert (await browser.get(f"/documents/asked/{id_}")).status_code == (200 if may else 404)
            assert (label in (await browser.get("/")).text) is may
            assert (label in (await browser.get("/documents")).text) is may
            if not may:
                assert (await send(browser, id_, ("a.pdf", PDF))).status_code in {403, 404}
    async with portal.database.read() as session:
        assert (await session.execute(sa.select(sa.func.count()).select_from(GivenFile))).scalar_one() == 0
    assert (await maya.get("/documents/asked/nothing")).status_code == 404
    with pytest.raises(LinkError):
        await ask(portal, "Of Ines", Login(ISSUER, "ines"))


async def test_keeps_files_for_so_long_after_they_were_accepted(portal: Portal) -> None:
    id_ = await ask(portal)
    maya = await portal.browser("maya", "bakery")
    await send(maya, id_, ("a.pdf", PDF))
    await asked.purge(portal.database, datetime.now(UTC) + timedelta(days=1))
    assert await asked.given_files(portal.database, trail=TRAIL, by=BY, id_=id_), "it is not accepted"
    await asked.accept(portal.database, trail=TRAIL, by=BY, id_=id_, now=NOW)
    await asked.purge(portal.database, NOW - timedelta(days=1))
    assert await asked.given_files(portal.database, trail=TRAIL, by=BY, id_=id_)
    await asked.purge(portal.database, NOW + timedelta(days=1))
    assert await asked.given_files(portal.database, trail=TRAIL, by=BY, id_=id_) == ()


def test_is_asked_for_and_judged_on_the_command_line(hallway: Hallway, sandbox: Any, tmp_path: Path) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    hallway(*LINK)
    assert hallway("documents", "ask", "--account", "nobody", "--label", "Licence") == 2
    assert hallway("documents", "ask", "--account", "bakery", "--label", " ") == 2
    assert hallway("documents", "ask", "--account", "bakery", "--label", "Licence", "--due", "2026-12-01") == 0
    id_ = hallway.out.split()[-1]
    assert hallway("documents", "ask", "--account", "bakery", "--label", "Card", "--member", *LOGIN) == 0
    hallway("documents", "list", "--account", "bakery")
    assert "2026-12-01" in hallway.out
    assert "Card" in hallway.out
    assert hallway("documents", "refuse", id_, "--reason", "No.") == 2, "nothing came"
    assert hallway("documents", "download", id_, "--to", str(tmp_path)) == 1
    assert hallway("documents", "accept", id_) == 0
    assert hallway("documents", "accept", id_) == 2
    assert hallway("documents", "accept", "nothing") == 2
    assert hallway("documents", "ask", "--account", "bakery", "--label", "Map", "--why", "For the driver.") == 0
    id_ = hallway.out.split()[-1]
    assert hallway("documents", "withdraw", id_) == 0
    assert hallway("documents", "withdraw", id_) == 2
    hallway("audit", "show")
    for what in ("document.asked", "document.opened", "document.accepted"):
        assert what in hallway.out
