"""The fast lane: the answers of the application, to the same people, and none that has stopped being true."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
import sqlalchemy as sa
import time_machine
from msgspec.structs import replace
from structlog.testing import capture_logs
from support_portal import Portal
from support_sandbox import RunningSandbox

from auth import cookies
from auth.clock import utc_now
from cache.client import CacheDown, Client
from gateway.offices import Office
from gateway.profile import Profile
from gateway.records.database import DatabaseDown
from gateway.records.tables import Membership, Session, Source
from gateway.standing import Standing
from web.lane import VIEWED, Lane
from web.ready import Answer, Page, Ready


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the answers that came from memory."""
    found: list[str] = []
    is_true = Ready.is_true

    def noting(self: Ready, answer: object, *rest: object) -> bool:
        held = is_true(self, answer, *rest)  # type: ignore[arg-type]
        if held:
            found.append("kept")
        return held

    monkeypatch.setattr(Ready, "is_true", noting)
    return found


async def twice(client: httpx.AsyncClient, path: str, kept: list[str]) -> tuple[httpx.Response, httpx.Response]:
    """Ask until an answer comes from memory. Gives the one before it, and that one."""
    before = await client.get(path)
    for _ in range(200):
        kept.clear()
        answer = await client.get(path)
        if kept:
            return before, answer
        before = answer
        await asyncio.sleep(0.1)  # the sources think, or a look into Redis took too long
    raise AssertionError("nothing was kept")


@pytest.mark.parametrize("path", VIEWED)
async def test_gives_the_very_answer_of_the_application(portal: Portal, kept: list[str], path: str) -> None:
    maya = await portal.browser("maya", "bakery")
    built, again = await twice(maya, path, kept)
    assert kept
    assert again.status_code == 200
    assert again.content == built.content
    assert {**again.headers, "vary": ""} == {**built.headers, "vary": ""}


async def test_makes_home_as_the_application_does(
    portal: Portal, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    monkeypatch.setattr(Ready, "find", lambda *_: None)
    made: list[Page | None] = []
    make = Lane._make

    async def noting(self: Lane, *args: Any) -> Page | None:
        made.append(await make(self, *args))
        return made[-1]

    monkeypatch.setattr(Lane, "_make", noting)
    ours = await maya.get("/")
    assert made
    assert made[-1] is not None
    monkeypatch.setattr(Lane, "_find", AsyncMock(return_value=None))
    theirs = await maya.get("/")
    assert ours.status_code == theirs.status_code == 200
    assert ours.content == theirs.content
    assert {**ours.headers, "vary": ""} == {**theirs.headers, "vary": ""}


async def test_leaves_to_the_application_what_it_could_not_make(
    portal: Portal, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    maya = await portal.browser("maya", "bakery")
    _, before = await twice(maya, "/", kept)
    monkeypatch.setattr(Ready, "find", lambda *_: None)
    monkeypatch.setattr("web.lane.home_page", AsyncMock(side_effect=DatabaseDown))
    with capture_logs() as logs:
        after = await maya.get("/")
    assert (after.status_code, after.content) == (200, before.content)
    assert "home not made" in [entry["event"] for entry in logs]


async def test_is_asked_in_the_same_words_as_the_application(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    kept.clear()
    for headers in ({"HX-Request": "true"}, {"X-Account": "hotel"}, {"HX-Request": "true", "X-Account": "hotel"}):
        await maya.get("/", headers=headers)
    await maya.get("/?x=1")
    assert not kept
    moved = await maya.get("/", headers={"X-Account": "hotel"})
    assert moved.headers["hx-refresh"] == "true"
    assert (await maya.get("/")).text  # what was answered about another account was not kept


async def test_keeps_the_answers_of_two_people_and_two_sessions_apart(portal: Portal, kept: list[str]) -> None:
    browsers = [await portal.browser(*who) for who in (("maya", "bakery"), ("maya", "bakery"), ("ines", "hotel"))]
    for browser in browsers:
        await twice(browser, "/", kept)
    pages = [(await browser.get("/")).text for browser in browsers]
    tokens = {page.partition('data-token="')[2].partition('"')[0] for page in pages}
    assert kept
    assert len(tokens) == 3
    assert "Hotel" in pages[2]
    assert "Hotel" not in pages[0]


async def test_opens_for_nobody_without_a_session(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    stranger = portal.stranger()
    assert (await stranger.get("/")).status_code == 303
    forged = f"{cookies.SESSION}={'x' * 43}"
    assert (await stranger.get("/", headers={"Cookie": forged})).status_code == 303


async def test_closes_with_the_session(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    _, page = await twice(maya, "/", kept)
    token = page.text.partition('data-token="')[2].partition('"')[0]
    await maya.post("/sign-out", data={"_token": token}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (await maya.get("/")).status_code == 303


async def test_goes_by_the_rows_after_any_trouble_with_redis(
    portal: Portal, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a session that was ended while Redis was away would be believed again by its copy."""
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    with monkeypatch.context() as patched:
        asked = Counter[str]()

        async def failing_once(self: Client, *keys: str) -> Sequence[bytes | None]:
            asked["look_up"] += 1
            if asked["look_up"] == 1:
                raise CacheDown("for a moment")
            return await look_up(self, *keys)

        look_up = Client.look_up
        patched.setattr(Client, "look_up", failing_once)
        assert (await maya.get("/")).status_code == 200
    async with portal.database.write() as session:  # as another process does that has no Redis to mark it in
        await session.execute(sa.update(Session).values(ended_at=utc_now()))
    kept.clear()
    assert (await maya.get("/")).status_code == 303
    assert not kept


async def test_forgets_what_may_not_be_seen_any_more(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    _, page = await twice(maya, "/", kept)
    assert "Delivery at the Market Street shop" in page.text
    async with portal.database.write() as session:
        await session.execute(sa.delete(Membership).where(Membership.account_id == "bakery"))
    with time_machine.travel(utc_now() + timedelta(seconds=10), tick=True):
        page = await maya.get("/")
    assert "Delivery at the Market Street shop" not in page.text


async def test_follows_the_back_office(portal: Portal, sandbox: RunningSandbox, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    assert kept
    with time_machine.travel(utc_now() + timedelta(seconds=61), tick=True):  # past the promise
        kept.clear()
        page = await maya.get("/")
        assert not kept
        for _ in range(50):
            if 'data-state="late"' not in page.text:
                break
            await asyncio.sleep(0.05)
            page = await maya.get("/")
        assert 'data-state="late"' not in page.text


async def test_follows_a_change_of_a_source(portal: Portal, kept: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    async with portal.database.write() as session:
        await session.execute(sa.update(Source).where(Source.name == "erp").values(title="Bills", changed_at=utc_now()))
    monkeypatch.setattr("gateway.offices.LOOK_EVERY", 0.0)
    assert "From Bills," in (await maya.get("/")).text


async def test_answers_not_modified_from_memory(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    first, _ = await twice(maya, "/api/v1/home", kept)
    kept.clear()
    same = await maya.get("/api/v1/home", headers={"If-None-Match": first.headers["etag"]})
    assert kept
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await maya.get("/api/v1/home", headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_builds_anew_what_another_process_has_renewed(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    await portal.renew_version("bakery")
    kept.clear()
    await maya.get("/")
    assert not kept


STANDING = Standing(
    member_id="m",
    account_id="a",
    scope=None,
    profile=Profile(name=None, email=None, subject="s", last_visit_at=None),
    accounts=(),
)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OFFICES: dict[str, Office] = {}


def answer(body: bytes = b"page") -> Answer:
    return Answer(
        body=body,
        headers=[],
        etag=None,
        standing=STANDING,
        version=b"1",
        offices=OFFICES,
        today=NOON.date(),
        until=NOON + timedelta(minutes=1),
    )


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"version": b"2"}, False),
        ({"version": None}, False),
        ({"offices": {}}, False),
        ({"standing": replace(STANDING, account_id="b")}, False),
        ({"now": NOON + timedelta(minutes=1)}, False),
        ({"today": NOON.date() + timedelta(days=1)}, False),
    ],
)
def test_holds_until_anything_changes(changed: dict[str, Any], *, holds: bool) -> None:
    now: dict[str, Any] = {"standing": STANDING, "version": b"1", "offices": OFFICES, "now": NOON, "today": NOON.date()}
    now |= changed
    ready = Ready(lambda: now["now"], lambda: now["today"], 100)
    assert ready.is_true(answer(), now["standing"], now["version"], now["offices"]) is holds


def test_finds_an_answer_for_its_own_session_and_path() -> None:
    ready = Ready(lambda: NOON, NOON.date, 100)
    ready.keep("one", "/", answer())
    assert ready.find("one", "/") == answer()
    assert ready.find("two", "/") is None
    assert ready.find("one", "/api/v1/home") is None


def test_makes_room_and_never_takes_more() -> None:
    ready = Ready(lambda: NOON, NOON.date, 10)
    for session in ("one", "one", "two", "three"):
        ready.keep(session, "/", answer(b"12345"))
    assert [session for session in ("one", "two", "three") if ready.find(session, "/")] == ["two", "three"]
    ready.keep("four", "/", answer(b"x" * 11))
    assert ready.find("four", "/") is None
    ready.keep("five", "/", answer(b"x" * 10))
    assert ready.find("five", "/")
    assert Ready(lambda: NOON, NOON.date, 0).find("one", "/") is None


async def test_needs_what_redis_holds(portal: Portal, kept: list[str]) -> None:
    maya = await portal.browser("maya", "bakery")
    await twice(maya, "/", kept)
    await portal.forget_records()
    kept.clear()
    page = await maya.get("/")
    assert page.status_code == 200
    assert not kept
