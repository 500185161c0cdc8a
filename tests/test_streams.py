"""Streams to open pages: what they tell, to whom, and how they end. Over HTTP, as browsers have them."""

import asyncio
import re
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
from support_audit import TRAIL
from support_door import litestar_of
from support_portal import Portal
from support_streams import PATIENCE, OpenStream, Told, change

from auth import cookies
from auth.clock import utc_now
from auth.principals import Viewing
from auth.provider import Identity
from auth.session_rows import hash_of
from cache.client import Client
from gateway.access import remember_staff
from gateway.records.tables import Link, Session
from web import live

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Served = tuple[Portal, str]
MANY = 1000
BEAT = live.BEAT


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second shows a sign of life."""
    monkeypatch.setattr("web.live.BEAT", (0.1, 0.2))


async def mark_on(portal: Portal, session: str, path: str = "/") -> str:
    async with httpx.AsyncClient(base_url=portal.base_url, timeout=30) as http:
        headers = {"Cookie": f"{cookies.SESSION}={session}", "Accept": "text/html"}
        for _ in range(100):
            page = (await http.get(path, headers=headers)).text
            found = re.search(r'data-seen="(\w+)"', page)
            assert found, page
            if "every 2s" not in page and found[1] == (await again(http, path, headers)):
                return found[1]
    raise AssertionError("the page does not settle")


async def again(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> str:
    found = re.search(r'data-seen="(\w+)"', (await http.get(path, headers=headers)).text)
    return found[1] if found else ""


async def test_tells_of_a_change_and_of_nothing_else(served: Served, redis: Client) -> None:
    portal, session = served
    mark = await mark_on(portal, session)
    async with OpenStream(portal.base_url, session, mark) as stream:
        assert stream.status == 200
        assert stream.head["content-type"] == "text/event-stream"
        assert stream.head["cache-control"] == "no-store"
        assert stream.head["x-accel-buffering"] == "no"
        assert "content-encoding" not in stream.head
        assert await stream.is_quiet()
        await change(redis, "bakery")
        told = await stream.next()
        assert told == Told("changed", await mark_on(portal, session))
        assert told.id != mark
        assert await stream.is_quiet()


async def test_never_tells_of_another_account(served: Served, redis: Client) -> None:
    portal, session = served
    await portal.link("ines", "hotel", ("erp", "30"))
    ines = await portal.sign_in("ines", "hotel")
    async with (
        OpenStream(portal.base_url, session, await mark_on(portal, session)) as bakery,
        OpenStream(portal.base_url, ines, await mark_on(portal, ines)) as hotel,
    ):
        for _ in range(20):
            await change(redis, "hotel")
        assert await hotel.next()
        assert await bakery.is_quiet()


async def test_goes_on_where_a_stream_was_lost(served: Served, redis: Client) -> None:
    portal, session = served
    mark = await mark_on(portal, session)
    await change(redis, "bakery")
    async with OpenStream(portal.base_url, session, mark) as stream:
        told = await stream.next()
        assert told
    async with OpenStream(portal.base_url, session, mark, Last_Event_ID=told.id) as stream:
        assert await stream.is_quiet()
    async with OpenStream(portal.base_url, session, "%00%0a\n: x"[:6], Last_Event_ID="strange") as stream:
        assert await stream.next() == told


async def test_tells_after_redis_has_lost_all_it_knew(served: Served, redis: Client) -> None:
    portal, session = served
    async with OpenStream(portal.base_url, session, await mark_on(portal, session)) as stream:
        assert await stream.is_quiet()
        await redis.flushall()
        told = await stream.next()
        assert told
        async with OpenStream(portal.base_url, session, Last_Event_ID=told.id) as again:
            assert await again.is_quiet(2.5)


async def test_shows_signs_of_life(served: Served) -> None:
    portal, session = served
    async with OpenStream(portal.base_url, session, await mark_on(portal, session)) as stream:
        pieces = [await stream.chunk() for _ in range(4)]
        assert re.fullmatch(r"retry: \d{4}\n\n", pieces[0] or "")
        assert pieces[1:] == [":\n\n"] * 3


async def test_ends_at_once_when_somebody_signs_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.live.BEAT", (100, 100))
    portal, session = served
    async with OpenStream(portal.base_url, session, await mark_on(portal, session)) as stream:
        assert await stream.is_quiet()
        await portal.sessions.end(session)
        assert await stream.next() == Told("ended")
        assert await stream.next() is None


async def test_ends_when_the_browser_moves_to_another_account(served: Served) -> None:
    portal, session = served
    await portal.link("maya", "hotel", ("erp", "30"))
    async with OpenStream(portal.base_url, session, await mark_on(portal, session)) as stream:
        assert await stream.is_quiet()
        assert await portal.sessions.renew(session, "hotel")
        assert await stream.next() == Told("ended")


async def test_ends_within_a_beat_without_an_announcement(served: Served, redis: Client) -> None:
    """As after an end in the rows that Redis did not hear of."""
    portal, session = served
    async with OpenStream(portal.base_url, session, await mark_on(portal, session)) as stream:
        async with portal.database.write() as rows:
            await rows.execute(sa.update(Session).values(ended_at=utc_now()))
        await redis.flushall()
        assert await stream.next() == Told("ended")


async def test_does_not_keep_a_session_alive(served: Served, redis: Client) -> None:
    portal, session = served
    mark = await mark_on(portal, session)
    long_ago = utc_now() - timedelta(minutes=20)
    async with portal.database.write() as rows:
        await rows.execute(sa.update(Session).values(seen_at=long_ago))
    await redis.flushall()
    async with OpenStream(portal.base_url, session, mark) as stream:
        for _ in range(4):
            await stream.chunk()
    async with httpx.AsyncClient(base_url=portal.base_url) as http:
        headers = {"Cookie": f"{cookies.SESSION}={session}", "Accept": "text/html"}
        for path in ("/", "/invoices"):
            news = {**headers, "X-Account": "bakery", "HX-Request": "true"}
            assert (await http.get(path, headers=news)).status_code == 200
        assert await seen_at(portal, session) == long_ago
        assert (await http.get("/", headers=headers)).status_code == 200  # somebody is there again
    assert await seen_at(portal, session) > long_ago


async def seen_at(portal: Portal, session: str) -> datetime:
    async with portal.database.read() as rows:
        return (await rows.scalars(sa.select(Session.seen_at).where(Session.id_hash == hash_of(session)))).one()


async def test_is_no_view_of_a_page(served: Served) -> None:
    portal, session = served
    mark = await mark_on(portal, session)
    async with OpenStream(portal.base_url, session, mark) as stream:
        await stream.chunk()
    async with portal.database.read() as rows:
        pages = set((await rows.scalars(sa.text("SELECT page FROM usage_events"))).all())
    assert pages <= {"home"}


async def test_tells_when_rights_change(served: Served, redis: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    portal, session = served
    for announced in (True, False):
        monkeypatch.setattr("web.live.RIGHTS_EVERY", 10_000 if announced else 1)
        async with OpenStream(portal.base_url, session, await mark_on(portal, session)) as stream:
            assert await stream.is_quiet()
            async with portal.database.write() as rows:
                await rows.execute(sa.delete(Link).where(Link.source == ("helpdesk" if announced else "erp")))
            if announced:
                await litestar_of(portal.app).state.standings.forget([hash_of(session)])
            told = await stream.next(30)
            assert told
            assert told.name == "changed"


async def test_follows_the_account_that_one_of_staff_looks_at(served: Served, redis: Client) -> None:
    portal, maya = served
    await mark_on(portal, maya)
    member = await portal.sessions.get(maya)
    assert member
    assert member.member_id
    identity = Identity(issuer="https://login.example", subject="sam", email=None, name="Sam")
    staff = await remember_staff(portal.database, identity, utc_now(), role="support", trail=TRAIL)
    desk = await portal.sessions.create_for_staff(staff, None, None, "main")
    async with OpenStream(portal.base_url, desk) as stream:
        assert stream.status == 403
    until = utc_now() + timedelta(minutes=5)
    looks = await portal.sessions.view(desk, Viewing(member.member_id, "bakery", until))
    assert looks
    async with OpenStream(portal.base_url, looks, await mark_on(portal, looks)) as stream:
        assert await stream.is_quiet()
        await change(redis, "bakery")
        assert await stream.next()
        await portal.sessions.view(looks, None)
        assert await stream.next() == Told("ended")


async def test_is_for_who_is_signed_in_on_a_page_of_ours(served: Served) -> None:
    portal, session = served
    async with OpenStream(portal.base_url, None) as stream:
        assert stream.status == 401
    async with OpenStream(portal.base_url, session, Accept="*/*") as stream:
        assert stream.status == 406
    async with OpenStream(portal.base_url, session, Sec_Fetch_Site="same-site") as stream:
        assert stream.status == 403
    nobody = await portal.sign_in("nobody", None)
    async with OpenStream(portal.base_url, nobody) as stream:
        assert stream.status == 404


async def test_keeps_to_its_bounds(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    portal, session = served
    mark = await mark_on(portal, session)
    async with AsyncExitStack() as stack:
        for _ in range(6):
            stream = await stack.enter_async_context(OpenStream(portal.base_url, session, mark))
            assert stream.status == 200
        async with OpenStream(portal.base_url, session, mark) as seventh:
            assert (seventh.status, seventh.head["retry-after"]) == (429, "60")
    await until_closed(portal)
    async with OpenStream(portal.base_url, session, mark) as stream:
        assert stream.status == 200
        litestar_of(portal.app).state.live_pages.streams._most = 1
        async with OpenStream(portal.base_url, await portal.sign_in("ines", "bakery")) as second:
            assert (second.status, second.head["retry-after"]) == (503, "5")


async def test_tells_a_thousand_and_leaves_nothing_behind(
    served: Served, redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.live.BEAT", BEAT)
    portal, _ = served
    await change(redis, "bakery")
    people = [await portal.sign_in(f"person-{number}", "bakery") for number in range(MANY // 5)]
    before = len(asyncio.all_tasks())
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(OpenStream(portal.base_url, person, since="old"))
            for person in people
            for _ in range(5)
        ]
        assert {stream.status for stream in streams} == {200}
        assert litestar_of(portal.app).state.live_pages.streams.count == MANY
        for _ in range(2):
            assert {told and told.name for told in await gather(stream.next() for stream in streams)} == {"changed"}
            await change(redis, "bakery")
    await until_closed(portal)
    async with asyncio.timeout(PATIENCE):
        while await redis.pubsub_channels() or len(asyncio.all_tasks()) > before + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_closed(portal: Portal) -> None:
    async with asyncio.timeout(PATIENCE):
        while litestar_of(portal.app).state.live_pages.streams.count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def gather(tellings: Iterable[Awaitable[Told | None]]) -> list[Told | None]:
    return list(await asyncio.gather(*tellings))
