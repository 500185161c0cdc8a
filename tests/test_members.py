"""A member who is disabled is out at once, everywhere, and stays out; one who is erased was never here."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa
from litestar.types import ASGIApp
from support_audit import BY, TRAIL, VAULT
from support_browser import Visitor
from support_op import Op
from support_signin import Time

from auth import cookies
from auth.clock import utc_now
from auth.errors import Disabled
from auth.provider import Identity
from auth.session import Session
from auth.sessions import Sessions
from cache.client import Client
from cache.copies import Copies
from gateway.access import remember
from gateway.audit_reading import Told, Wanted, read, verify
from gateway.links import LinkError, Login, Proof, link
from gateway.members import disable, enable, erase
from gateway.records.database import Database
from gateway.records.tables import Account, AuditKey, Member, Membership, UsageEvent
from gateway.records.tables import Session as Row
from gateway.vault import SealedIdTokens

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://id.example.com"
MARY = Identity(issuer=ISSUER, subject="mary", email="mary@example.com", name="Mary")
LOGIN = Login(ISSUER, "mary")


@pytest_asyncio.fixture
async def sessions(database: Database, redis: Client) -> Sessions:
    hour = timedelta(hours=1)
    return Sessions(database, redis, SealedIdTokens(VAULT), utc_now, trail=TRAIL, idle=hour, lifetime=hour)


@pytest_asyncio.fixture
async def mary(database: Database) -> str:
    return await remember(database, MARY, NOON, trail=TRAIL)


async def put_out(database: Database, login: Login = LOGIN) -> list[bytes]:
    stopped = await disable(database, login=login, now=utc_now(), trail=TRAIL, by=BY)
    assert stopped
    return list(stopped.sessions)


async def told(database: Database, what: str | None = None) -> list[Told]:
    assert (await verify(database, VAULT)).problems == ()
    return list(await read(database, VAULT, Wanted(latest=100, what=what)))


# The rows


async def test_ends_every_session_with_the_change(database: Database, sessions: Sessions, mary: str) -> None:
    other = await remember(database, Identity(issuer=ISSUER, subject="bob", email=None, name=None), NOON, trail=TRAIL)
    used = [await sessions.create(mary, None, None) for _ in range(3)]
    bobs = await sessions.create(other, None, None)
    for cookie in (*used, bobs):
        assert await sessions.get(cookie)  # and Redis has a copy
    await sessions.forget_copies(await put_out(database))
    assert [await sessions.get(cookie) for cookie in used] == [None, None, None]
    assert await sessions.get(bobs)
    (line,) = await told(database, "member.disabled")
    assert (line.who, line.about, line.details) == ("operator/test", f"member/{mary}", {"sessions": 3})
    assert line.personal == {"issuer": ISSUER, "subject": "mary"}


async def test_is_out_in_ten_seconds_when_redis_was_not_told(
    database: Database, redis: Client, time: Time, mary: str
) -> None:
    hour = timedelta(hours=1)
    sessions = Sessions(database, redis, SealedIdTokens(VAULT), time, trail=TRAIL, idle=hour, lifetime=hour)
    cookie = await sessions.create(mary, None, None)
    assert await sessions.get(cookie)
    await put_out(database)
    time.advance(seconds=10)
    assert await sessions.get(cookie) is None


async def test_does_it_once(database: Database, mary: str) -> None:
    await put_out(database)
    assert await disable(database, login=LOGIN, now=NOON, trail=TRAIL, by=BY) is None
    assert await enable(database, login=LOGIN, trail=TRAIL, by=BY) == mary
    assert await enable(database, login=LOGIN, trail=TRAIL, by=BY) is None
    assert [line.what for line in await told(database)] == ["member.made", "member.disabled", "member.enabled"]


@pytest.mark.parametrize("login", [Login(ISSUER, "Mary"), Login(f"{ISSUER}/", "mary"), Login(ISSUER, "")])
async def test_knows_nobody_else_by_that_name(database: Database, mary: str, login: Login) -> None:
    for step in (disable, erase):
        with pytest.raises(LinkError, match="no such member"):
            await step(database, login=login, now=NOON, trail=TRAIL, by=BY)
    with pytest.raises(LinkError, match="no such member"):
        await enable(database, login=login, trail=TRAIL, by=BY)


async def test_lets_nobody_in_who_is_disabled(database: Database, sessions: Sessions, mary: str) -> None:
    await put_out(database)
    with pytest.raises(Disabled):
        await remember(database, MARY, NOON + timedelta(days=1), trail=TRAIL)
    with pytest.raises(Disabled):
        await sessions.create(mary, None, None)
    async with database.read() as session:
        assert (await session.get_one(Member, mary)).last_visit_at == NOON
        assert (await session.scalars(sa.select(Row))).all() == []
    assert [line.what for line in await told(database)][-1] == "session.refused"
    assert await enable(database, login=LOGIN, trail=TRAIL, by=BY)
    assert await remember(database, MARY, NOON, trail=TRAIL) == mary
    assert await sessions.get(await sessions.create(mary, None, None))


async def test_is_not_revived_by_a_link(database_with_sources: Database, mary: str) -> None:
    db = database_with_sources
    await put_out(db)
    done = await link(
        db,
        account="acme",
        source="erp",
        customer="42",
        proof=Proof(fact="contract", decided_by="priya", decided_at=NOON),
        login=LOGIN,
        trail=TRAIL,
        by=BY,
    )
    assert done[-1].endswith("act for 'acme', who is disabled and cannot sign in")
    with pytest.raises(Disabled):
        await remember(db, MARY, NOON, trail=TRAIL)


@pytest.mark.parametrize("seed", range(3))
async def test_leaves_no_session_that_began_meanwhile(
    database: Database, database_url: str, sessions: Sessions, mary: str, seed: int
) -> None:
    """Whichever comes first, nobody is signed in afterwards: in a request of another process, too."""
    other = Database(database_url)
    for number in range(10):

        async def begin(wait: int) -> str | None:
            for _ in range(wait):
                await asyncio.sleep(0)
            try:
                return await sessions.create(mary, None, None)
            except Disabled:
                return None

        async def stop(wait: int = 3 * ((seed * 10 + number) % 12)) -> None:
            for _ in range(wait):
                await asyncio.sleep(0)
            await sessions.forget_copies(await put_out(other))

        await asyncio.gather(*(begin(5 * n) for n in range(4)), stop())
        assert await sessions.list(mary) == ()
        assert await enable(database, login=LOGIN, trail=TRAIL, by=BY)
    await other.close()
    await told(database)


async def test_ends_a_session_that_is_in_use(database: Database, sessions: Sessions, mary: str) -> None:
    for number in range(10):
        cookie = await sessions.create(mary, None, None)

        async def use(wait: int, cookie: str = cookie) -> None:
            for _ in range(wait):
                await asyncio.sleep(0)
            await sessions.get(cookie)

        async def stop() -> None:
            await sessions.forget_copies(await put_out(database))

        await asyncio.gather(*(use(n * 4 + number) for n in range(5)), stop())
        assert await sessions.get(cookie) is None
        assert await enable(database, login=LOGIN, trail=TRAIL, by=BY)
        assert await sessions.get(cookie) is None, "what has ended stays ended"


async def test_forgets_who_is_erased(database: Database, sessions: Sessions, redis: Client, mary: str) -> None:
    cookie = await sessions.create(mary, None, None)
    copied = await sessions.get(cookie)
    assert copied
    async with database.write() as session:
        session.add(UsageEvent(id="1", at=NOON, name="viewed", page="home", member_id=mary, detail={}))
    stopped = await erase(database, login=LOGIN, now=utc_now(), trail=TRAIL, by=BY)
    await sessions.forget_copies(stopped.sessions)
    assert await sessions.get(cookie) is None
    assert await Copies(redis, "session", Session, utc_now).get(copied.id_hash.hex()) is None
    async with database.read() as session:
        for table in (Member, Membership, Row, AuditKey):
            assert (await session.scalars(sa.select(table))).all() == []
        assert (await session.scalars(sa.select(UsageEvent.member_id))).all() == [None]
    made, began, erased = await told(database)
    assert (made.withheld, began.withheld, erased.withheld) == ("erased", "erased", None)
    assert (erased.what, erased.personal) == ("member.erased", None)
    assert "mary" not in repr([made, began, erased])
    assert await remember(database, MARY, NOON, trail=TRAIL) != mary


async def test_tells_from_which_account_to_which(database: Database, sessions: Sessions, mary: str) -> None:
    async with database.write() as session:
        for name in ("acme", "globex"):
            session.add(Account(id=name, name=name, created_at=NOON))
    cookie = await sessions.create(mary, "acme", None, address="192.0.2.7")
    renewed = await sessions.renew(cookie, "globex", address="192.0.2.8")
    await sessions.end(renewed, address="192.0.2.9")
    began, changed, ended = await told(database, "session")
    assert (changed.what, changed.account, changed.personal) == (
        "session.account_changed",
        "globex",
        {"address": "192.0.2.8"},
    )
    assert changed.details == {
        "before": "acme",
        "after": "globex",
        "was_session": began.details["session"],
        "session": ended.details["session"],
    }


# What the portal does with it


async def test_refuses_the_sign_in_like_any_other(app: ASGIApp, database: Database, op: Op) -> None:
    ann, eve = Visitor(app), Visitor(app)
    assert (await ann.sign_in()).status_code == 303
    assert (await ann.go("/account")).status_code == 200
    login = Login(op.issuer, op.person["sub"])
    await put_out(database, login)
    refused = await eve.sign_in()
    declined = await Visitor(app).go("/auth/callback?error=access_denied&state=x")
    assert refused.status_code == declined.status_code == 400
    assert "You can’t sign in here at present. Call us" in refused.text
    assert refused.headers.keys() == declined.headers.keys()
    assert eve.cookies == {}
    lines = await told(database, "session")
    assert [line.what for line in lines] == ["session.began", "session.refused"]
    assert all(line.personal and line.personal["address"] == "127.0.0.1" for line in lines)
    await enable(database, login=login, trail=TRAIL, by=BY)
    assert (await eve.sign_in()).status_code == 303


async def test_is_not_revived_from_the_providers_side(app: ASGIApp, database: Database, op: Op) -> None:
    ann = Visitor(app)
    await ann.sign_in()
    login = Login(op.issuer, op.person["sub"])
    await put_out(database, login)
    token = op.logout_token(sub=op.person["sub"])
    assert (await ann.submit("/auth/backchannel-logout", logout_token=token)).status_code == 200
    async with database.read() as session:
        assert (await session.scalars(sa.select(Member))).one().disabled_at
    assert [line.what for line in await told(database, "session")] == ["session.began"], "there was nothing to end"
    assert (await Visitor(app).sign_in()).status_code == 400


async def test_tells_what_a_member_does_in_the_portal(app: ASGIApp, database: Database, op: Op) -> None:
    ann, phone = Visitor(app), Visitor(app)
    await ann.sign_in()
    await phone.sign_in()
    await ann.submit("/account/sign-out-elsewhere", _token=await ann.token())
    await phone.sign_in()
    assert (await phone.submit("/sign-out", _token=await phone.token())).status_code in {200, 303}
    await ann.submit("/auth/backchannel-logout", logout_token=op.logout_token(sub=op.person["sub"]))
    assert cookies.SESSION in ann.cookies
    lines = await told(database)
    assert [line.what for line in lines] == [
        "member.made",
        "session.began",
        "session.began",
        "session.ended_everywhere",
        "session.began",
        "session.ended",
        "session.ended_by_provider",
    ]
    member = lines[0].who
    assert member.startswith("member/")
    assert [line.who for line in lines] == [*[member] * 6, "provider/main"]
    assert {line.about for line in lines} == {member}
    assert lines[0].personal
    assert lines[0].personal["subject"] == op.person["sub"]
    assert all(line.personal and line.personal["address"] == "127.0.0.1" for line in lines[:-1])
    assert lines[1].details["session"] != lines[4].details["session"] == lines[5].details["session"]
