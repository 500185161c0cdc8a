"""The code on a page: staff see by it exactly what the customer saw, for as long as it is kept."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support_audit import BY, TRAIL, VAULT
from support_clock import NOON, Clock
from support_portal import BAKERY, ISSUER, Portal, running
from support_sandbox import RunningSandbox
from support_staff import staff_at

from auth.principals import Role
from auth.provider import Identity
from gateway.access import remember
from gateway.app import make_app
from gateway.audit_reading import Told, Wanted, read
from gateway.links import Login
from gateway.members import erase
from gateway.page_codes import ALPHABET, make_code, read_code, spelled
from gateway.page_rows import PLACE, Look, purge
from gateway.records.database import Database, DatabaseDown
from gateway.records.page_tables import PageCode, PageContent
from gateway.seen_pages import LOOKED_EVERY, SeenPages
from gateway.settings import Settings

CODE = re.compile(r"Code <b>([0-9A-Z ]{11})</b>")
ANN = Identity(issuer=ISSUER, subject="ann", email=None, name="Ann")
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


# The code itself


@given(st.binary(max_size=40), st.text(max_size=20))
def test_makes_codes_that_people_can_read_out(key: bytes, about: str) -> None:
    code = make_code(key, about)
    assert len(code) == 9
    assert set(code) <= set(ALPHABET)
    assert read_code(spelled(code)) == code
    assert read_code(spelled(code).lower().replace("0", "o").replace("1", "l").replace(" ", "-")) == code


def test_makes_another_code_for_anything_else() -> None:
    codes = {make_code(b"key", "ann", number) for number in range(10_000)}
    assert len(codes) == 10_000
    assert make_code(b"key", "ann", 1) == make_code(b"key", "ann", 1) != make_code(b"yek", "ann", 1)


@pytest.mark.parametrize("text", ["", "K7M 2QX", "K7M 2QX 9TDA", "K7M 2QX 9TU", "K7M 2QX 9Tß", "<script>", "٣" * 9])
def test_takes_nothing_else_for_a_code(text: str) -> None:
    assert read_code(text) is None


# What is written


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pages_of(database: Database, clock: Clock, **more: Any) -> SeenPages:
    return SeenPages(database, b"key", Look("", None), kept_for=timedelta(days=30), now=clock, **more)


def show(pages: SeenPages, member: str, text: str = "<p>page</p>", path: str = "/") -> str:
    html = f"{text}<b>{PLACE}</b> token-of-session"
    shown = pages.note(
        html.encode(), secret="token-of-session", member_id=member, account_id="acme", path=path, scope=None, parts=()
    )
    return shown.decode().partition("<b>")[2].partition("</b>")[0]


async def codes(database: Database) -> Sequence[PageCode]:
    async with database.read() as session:
        return (await session.scalars(sa.select(PageCode).order_by(PageCode.first_at))).all()


async def contents(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(PageContent)) or 0


async def test_writes_a_page_once_and_when_it_was_shown_again(database: Database, clock: Clock) -> None:
    ann = await remember(database, ANN, NOON, trail=TRAIL)
    code = show(pages_of(database, clock), ann)
    for _ in range(3):  # as other processes do
        clock.now += timedelta(hours=1)
        pages = pages_of(database, clock)
        assert [show(pages, ann) for _ in range(5)] == [code] * 5
        await pages.flush()
    (row,) = await codes(database)
    assert spelled(row.code) == code
    assert (row.first_at, row.last_at) == (NOON + timedelta(hours=1), NOON + timedelta(hours=3))
    assert await contents(database) == 3, "the page, why, and how it looked"


async def test_keeps_the_same_content_once_for_all(database: Database, clock: Clock) -> None:
    people = [await remember(database, replace(ANN, subject=str(n)), NOON, trail=TRAIL) for n in range(5)]
    pages = pages_of(database, clock)
    assert len({show(pages, each) for each in people}) == 5, "each has a code of their own"
    await pages.flush()
    assert (len(await codes(database)), await contents(database)) == (5, 3)


async def test_leaves_nothing_of_who_is_erased(database: Database, clock: Clock) -> None:
    ann, bob = [await remember(database, replace(ANN, subject=each), NOON, trail=TRAIL) for each in ("ann", "bob")]
    pages = pages_of(database, clock)
    show(pages, ann, "hers alone")
    show(pages, bob, "his alone")
    await pages.flush()
    assert await contents(database) == 4
    show(pages, ann, "hers, on its way")
    show(pages, bob, "his, on its way")
    await erase(database, login=Login(ISSUER, "ann"), now=NOON, trail=TRAIL, by=BY)
    assert await contents(database) == 3
    await pages.flush()
    assert {row.member_id for row in await codes(database)} == {bob}
    assert pages.dropped == 0, "nothing else was lost by it"


async def test_forgets_what_is_too_old(database: Database, clock: Clock) -> None:
    ann = await remember(database, ANN, NOON, trail=TRAIL)
    pages = pages_of(database, clock)
    for day in range(3):
        clock.now = NOON + timedelta(days=day)
        show(pages, ann, f"day {day}")
    await pages.flush()
    await purge(database, NOON + timedelta(days=1))
    assert [row.first_at.day for row in await codes(database)] == [23, 24]
    assert await contents(database) == 4
    clock.now = NOON + timedelta(days=60)
    await pages.start()
    async with asyncio.timeout(10):
        while await contents(database):  # noqa: ASYNC110  # a database has no event to wait for
            await asyncio.sleep(0.01)
    assert await codes(database) == []
    await pages.aclose()


async def test_keeps_what_waits_within_its_memory_and_counts_the_rest(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await remember(database, ANN, NOON, trail=TRAIL)
    pages = pages_of(database, clock, room=1000)

    async def away(*_: object) -> None:
        raise DatabaseDown("away")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.seen_pages.write", away)
        for number in range(100):
            show(pages, ann, f"{number:>100}")
        await pages.flush()
        await pages.flush()
    assert pages.dropped == 100 - len(pages._waiting)
    assert 0 < sum(len(seen.page) for seen in pages._waiting) <= 1000
    kept = len(pages._waiting)
    await pages.aclose()
    assert len(await codes(database)) == kept
    again = show(pages, ann, f"{0:>100}")
    await pages.flush()
    assert again in {spelled(row.code) for row in await codes(database)}, "what was dropped is written when it is shown"


# Looking it up


@pytest_asyncio.fixture
async def bakery(portal: Portal) -> AsyncIterator[httpx.AsyncClient]:
    async with await portal.browser("maya", "bakery") as browser:
        yield browser


async def look(portal: Portal, role: Role, code: str) -> httpx.Response:
    return await (await staff_at(portal, role)).send("POST", "/staff/pages", code=code)


async def written(portal: Portal, code: str) -> None:
    """Wait until the portal's own writer had its turn."""
    async with asyncio.timeout(20):
        while True:
            async with portal.database.read() as session:
                if await session.get(PageCode, read_code(code)):
                    return
            await asyncio.sleep(0.05)


def frame_of(page: httpx.Response) -> str:
    found = re.search(r'<iframe class="then" sandbox srcdoc="([^"]*)"', page.text)
    assert found, page.text
    return unescape(found[1])


def main_of(html: str) -> str:
    return html.partition("<main")[2].partition("</main>")[0].partition(">")[2]


async def told(portal: Portal) -> list[Told]:
    return list(await read(portal.database, VAULT, Wanted(latest=9, what="page")))


async def test_shows_staff_exactly_what_the_customer_saw(portal: Portal, bakery: httpx.AsyncClient) -> None:
    """Also when Redis has forgotten everything and the customer's account is called otherwise since."""
    for path in ("/", "/invoices?show=all", "/invoices/erp/2093", "/account"):
        seen = await bakery.get(path)
        found = CODE.search(seen.text)
        assert found, path
        await written(portal, found[1])
        await portal.forget_records()
        await portal.link("maya", "bakery", *BAKERY)
        then = await look(portal, "support", f" {found[1].lower()} ")
        assert then.status_code == 200, then.text
        frame = frame_of(then)
        token = re.search(r'data-token="([^"]+)"', seen.text)
        assert token
        assert main_of(frame) == re.sub(r'(<a\b[^>]*?) href="[^"]*"', r"\1", main_of(seen.text)).replace(token[1], "")
        assert 'href="' not in main_of(frame)
        assert token[1] not in then.text
        assert "This is what Maya saw then, for Bakery." in unescape(then.text)
    line = (await told(portal))[-1]
    assert (line.what, line.account, line.details["found"]) == ("page.looked_up", "bakery", True)
    assert line.who.startswith("staff/")
    assert line.about.startswith("member/")


async def test_tells_the_ages_and_the_rules_of_then(portal: Portal, bakery: httpx.AsyncClient) -> None:
    code = CODE.search((await bakery.get("/invoices")).text)
    assert code
    await written(portal, code[1])
    page = unescape((await look(portal, "owner", code[1])).text).partition("</iframe>")[2]
    for words in ("On time", "All of the company’s", "customer number", "maya@alderlane.example"):
        assert words in page


@SQLITE
async def test_gives_a_page_from_memory_its_first_code(portal: Portal, bakery: httpx.AsyncClient) -> None:
    await bakery.get("/")
    first, again = [CODE.findall((await bakery.get("/")).text) for _ in range(2)]
    assert first == again
    assert len(first) == 1


@SQLITE
async def test_lets_nothing_of_it_run_or_lead_anywhere(portal: Portal, bakery: httpx.AsyncClient) -> None:
    code = CODE.search((await bakery.get("/")).text)
    assert code
    await written(portal, code[1])
    page = await look(portal, "support", code[1])
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    frame = frame_of(page)
    head = frame.partition("</head>")[0]
    assert '<base target="_blank">' in head
    assert not re.search(r"<script|<link", head)
    assert "http" not in page.headers["Content-Security-Policy"]


@SQLITE
@pytest.mark.parametrize("role", ["none", "read-only"])
async def test_refuses_a_role_that_is_too_low(portal: Portal, bakery: httpx.AsyncClient, role: Role) -> None:
    code = CODE.search((await bakery.get("/")).text)
    assert code
    await written(portal, code[1])
    refused = await look(portal, role, code[1])
    assert refused.status_code == 403
    assert "Maya" not in refused.text
    assert await told(portal) == []


@SQLITE
async def test_says_plainly_that_there_is_no_such_page(portal: Portal) -> None:
    none = await look(portal, "support", "K7M 2QX 9TD")
    assert none.status_code == 200
    assert "No page has this code" in none.text
    assert "A code has nine letters" in (await look(portal, "support", "hello<b>")).text
    (line,) = await told(portal)
    assert line.details == {"code": "K7M2QX9TD", "found": False}
    assert line.account is None


@SQLITE
async def test_limits_how_often_somebody_may_guess(portal: Portal) -> None:
    sam = await staff_at(portal)
    answers = [(await sam.send("POST", "/staff/pages", code="K7M 2QX 9TD")).status_code for _ in range(32)]
    assert answers == [200] * 30 + [429] * 2


@SQLITE
async def test_puts_no_code_on_pages_where_none_are_kept(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = replace(portal_settings, pages_kept=0)
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    async with running(portal.app), await portal.browser("maya", "bakery") as browser:
        assert not CODE.search((await browser.get("/")).text)
    assert await codes(database) == []
    await portal.aclose()


async def test_keeps_them_for_as_long_as_an_owner_says_from_now_on(database: Database, clock: Clock) -> None:
    kept = timedelta(days=30)

    async def now_kept() -> timedelta:
        return kept

    pages = pages_of(database, clock, kept_now=now_kept)
    await pages._turn()
    assert pages.is_on
    kept = timedelta(0)
    await pages._turn()
    assert pages.is_on, "it looks every few seconds"
    clock.now += LOOKED_EVERY
    await pages._turn()
    assert not pages.is_on
