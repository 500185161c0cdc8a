"""Who is signed in stays in, who is signed out stays out: on both databases, with Redis well, dead, hung or lying."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from support_audit import BY, TRAIL
from support_redis import RedisProcess
from support_signin import Time

from auth.hidden import Hidden
from auth.principals import StaffPrincipal
from auth.session import Session
from auth.sessions import Sessions
from auth.visitors import principal_of
from cache.client import CacheDown, Client, connect
from cache.copies import MARK, Copies, Copy
from cache.keys import key
from gateway.records.database import Database, DatabaseDown
from gateway.records.tables import Account, Member, Staff
from gateway.records.tables import Session as Row

IDLE, LIFETIME = timedelta(minutes=30), timedelta(hours=12)


class Reversed:
    """A seal that a test can read: reversed text behind the row's name."""

    def seal(self, id_token: str, row: str) -> str:
        return f"{row}:{id_token[::-1]}"

    def open(self, sealed: str, row: str) -> str | None:
        return sealed.removeprefix(f"{row}:")[::-1] if sealed.startswith(f"{row}:") else None


@pytest_asyncio.fixture
async def db(database: Database, time: Time) -> Database:
    """With two members and one account."""
    async with database.write() as session:
        for name in ("ann", "bob"):
            session.add(Member(id=name, issuer="https://op.example", subject=name, created_at=time()))
        session.add(Account(id="acme", name="Acme", created_at=time()))
    return database


@pytest_asyncio.fixture
async def staff(db: Database, time: Time) -> str:
    """One of staff whose subject is a member's too."""
    async with db.write() as session:
        session.add(Staff(id="sam", issuer="https://op.example", subject="ann", created_at=time()))
    return "sam"


def sessions_on(db: Database, redis: Client, time: Time) -> Sessions:
    return Sessions(db, redis, Reversed(), time, trail=TRAIL, idle=IDLE, lifetime=LIFETIME)


@pytest.fixture
def sessions(db: Database, redis: Client, time: Time) -> Sessions:
    return sessions_on(db, redis, time)


def hash_of(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def copy_of(cookie: str) -> str:
    return key("session", hash_of(cookie).hex())


async def row_of(db: Database, cookie: str) -> Row:
    async with db.read() as session:
        return (await session.scalars(sa.select(Row).where(Row.id_hash == hash_of(cookie)))).one()


async def test_signs_in(sessions: Sessions) -> None:
    cookie = await sessions.create("ann", "acme", None)
    for _ in range(2):  # from the row, then from its copy
        session = await sessions.get(cookie)
        assert session is not None
        assert (session.member_id, session.account_id) == ("ann", "acme")
        assert session.id_hash == hash_of(cookie)
        assert len(session.csrf_token) == 43


async def test_gives_each_session_an_id_and_a_token_of_its_own(sessions: Sessions) -> None:
    cookies = [await sessions.create("ann", None, None) for _ in range(20)]
    found = [await sessions.get(cookie) for cookie in cookies]
    assert len(set(cookies)) == len({session.csrf_token for session in found if session}) == 20


@pytest.mark.parametrize(
    "cookie", [None, "", "x", "A" * 43, "A" * 42 + "\n", "é" * 43, "A" * 44, "\x00", "' OR 1=1 --", "A" * 100_000]
)
async def test_knows_nobody_by_an_id_that_is_none_of_ours(
    sessions: Sessions, redis: Client, cookie: str | None
) -> None:
    assert await sessions.get(cookie) is None
    assert await sessions.end(cookie) is None
    assert await sessions.get(cookie) is None, "an id that somebody brings is never adopted"
    assert await redis.keys("*") == [], "nothing is kept for strangers"


async def test_stores_neither_the_id_nor_the_id_token_in_the_clear(
    sessions: Sessions, db: Database, redis: Client
) -> None:
    cookie = await sessions.create("ann", "acme", Hidden("the.id.token"))
    await sessions.get(cookie)
    async with db.read() as session:
        rows = (await session.execute(sa.select(Row.__table__))).all()
    stored = repr(rows) + repr([(name, await redis.get(name)) for name in await redis.keys("*")])
    assert cookie not in stored
    assert "the.id.token" not in stored
    assert (await row_of(db, cookie)).id_token == f"sessions/{hash_of(cookie).hex()}:nekot.di.eht"


async def test_gives_the_id_token_back_once_and_drops_it(sessions: Sessions, db: Database) -> None:
    cookie = await sessions.create("ann", None, Hidden("the.id.token"))
    id_token = await sessions.end(cookie)
    assert id_token is not None
    assert id_token.reveal() == "the.id.token"
    assert await sessions.end(cookie) is None
    assert (await row_of(db, cookie)).id_token is None


async def test_signs_out_without_a_token_that_does_not_open_or_is_too_long(sessions: Sessions, db: Database) -> None:
    cookie = await sessions.create("ann", None, Hidden("the.id.token"))
    async with db.write() as session:
        await session.execute(sa.update(Row).values(id_token="sealed for another row"))
    assert await sessions.end(cookie) is None
    assert await sessions.end(await sessions.create("ann", None, Hidden("x" * 9000))) is None


async def test_stays_signed_out(sessions: Sessions, db: Database) -> None:
    cookie, other = [await sessions.create("ann", None, None) for _ in range(2)]
    await sessions.get(cookie)
    await sessions.end(cookie)
    assert await sessions.get(cookie) is None
    assert (await row_of(db, cookie)).ended_at is not None
    assert await sessions.get(other) is not None


async def test_signs_a_member_out_everywhere(sessions: Sessions) -> None:
    cookies = [await sessions.create("ann", None, None) for _ in range(3)]
    bobs = await sessions.create("bob", None, None)
    for cookie in (*cookies, bobs):
        await sessions.get(cookie)
    assert await sessions.end_all("ann", by=BY) == 3
    assert await sessions.end_all("ann", by=BY) == 0
    assert [await sessions.get(cookie) for cookie in cookies] == [None, None, None]
    assert await sessions.get(bobs) is not None


async def test_signs_a_member_out_everywhere_else(sessions: Sessions) -> None:
    here, *others = [await sessions.create("ann", None, None) for _ in range(3)]
    bobs = await sessions.create("bob", None, None)
    for cookie in (here, *others, bobs):
        await sessions.get(cookie)
    assert await sessions.end_all("ann", by=BY, but=hash_of(here)) == 2
    assert await sessions.end_all("ann", by=BY, but=hash_of(here)) == 0
    assert [await sessions.get(cookie) for cookie in others] == [None, None]
    assert await sessions.get(here) is not None
    assert await sessions.get(bobs) is not None


async def test_signs_out_whom_their_own_provider_signed_out(sessions: Sessions, db: Database, time: Time) -> None:
    """Subjects and session names mean something only together with who gave them."""
    async with db.write() as session:
        session.add(Member(id="other ann", issuer="https://other.example", subject="ann", created_at=time()))
    anns, others = [await sessions.create(member, None, None, "laptop") for member in ("ann", "other ann")]
    for subject, sid in (("ann", None), (None, "laptop"), ("ann", "laptop")):
        assert await sessions.end_at_provider("main", "https://evil.example", subject, sid) == 0
        assert await sessions.end_at_provider("main", "https://op.example", subject, sid) == (sid is None)
    assert await sessions.get(anns) is None
    assert await sessions.get(others) is not None
    assert await sessions.end_at_provider("main", "https://other.example", None, "laptop") == 1


async def test_ends_only_what_began_at_the_provider_that_says_so(sessions: Sessions, staff: str) -> None:
    """Two registrations at one issuer, of customers and of staff, with every name the same."""
    theirs = [await sessions.create("ann", None, None, "laptop", id_) for id_ in ("main", "2")]
    theirs.append(await sessions.create_for_staff(staff, None, "laptop", "3"))
    for subject, sid in (("ann", "laptop"), (None, "laptop"), ("ann", None)):
        assert await sessions.end_at_provider("4", "https://op.example", subject, sid) == 0
    assert await sessions.end_at_provider("2", "https://op.example", "ann", "laptop") == 1
    assert [bool(await sessions.get(cookie)) for cookie in theirs] == [True, False, True]
    assert await sessions.end_at_provider("main", "https://op.example", None, "laptop") == 1
    assert [bool(await sessions.get(cookie)) for cookie in theirs] == [False, False, True]
    assert await sessions.end_at_provider("3", "https://op.example", "ann", None) == 1
    assert await sessions.get(theirs[2]) is None


# Staff


async def test_knows_staff_from_members(sessions: Sessions, staff: str) -> None:
    cookie = await sessions.create_for_staff(staff, Hidden("the.id.token"), "laptop", "2")
    for _ in range(2):  # from the row, then from its copy
        session = await sessions.get(cookie)
        assert session
        assert (session.kind, session.staff_id, session.provider) == ("staff", staff, "2")
        assert (session.member_id, session.account_id) == (None, None)
        assert isinstance(principal_of(session), StaffPrincipal)
    assert await sessions.end_all(staff, by=BY) == 0, "that is for members"
    id_token = await sessions.end(cookie)
    assert id_token
    assert id_token.reveal() == "the.id.token"
    assert await sessions.get(cookie) is None


async def test_lets_no_staff_act_for_an_account(sessions: Sessions, staff: str) -> None:
    cookie = await sessions.create_for_staff(staff, None, None, "2")
    assert await sessions.renew(cookie, "acme") is None
    assert await sessions.get(cookie)


@pytest.mark.parametrize(
    "mixed",
    [
        {"kind": "member", "staff_id": "sam"},
        {"kind": "staff", "member_id": "ann"},
        {"kind": "staff", "staff_id": "sam", "member_id": "ann"},
        {"kind": "staff", "staff_id": "sam", "account_id": "acme"},
        {"kind": "member", "member_id": "ann", "staff_id": "sam"},
        {"kind": "owner", "staff_id": "sam"},
        {"kind": "member"},
    ],
)
async def test_stores_no_session_of_two_kinds(db: Database, staff: str, time: Time, mixed: dict[str, str]) -> None:
    now = time()
    row = Row(id_hash=b"x" * 32, provider="2", csrf_token="x", created_at=now, seen_at=now, expires_at=now, **mixed)
    with pytest.raises((IntegrityError, DatabaseDown)):
        async with db.write() as session:
            session.add(row)


@pytest.mark.parametrize(
    ("kind", "member_id", "staff_id"),
    [
        ("owner", "ann", None),
        ("member", "ann", "sam"),
        ("staff", "ann", "sam"),
        ("staff", "ann", None),
        ("member", None, "sam"),
    ],
)
def test_takes_a_session_of_two_kinds_for_nobodys(kind: str, member_id: str | None, staff_id: str | None) -> None:
    now = Time()()
    session = Session(
        id_hash=b"",
        kind=kind,
        member_id=member_id,
        staff_id=staff_id,
        provider="main",
        account_id=None,
        csrf_token="",
        seen_at=now,
        expires_at=now,
    )
    assert principal_of(session) is None


async def test_lists_the_live_sessions_of_a_member(sessions: Sessions, time: Time) -> None:
    old, idle, ended = [await sessions.create("ann", None, None) for _ in range(3)]
    await sessions.create("bob", None, None)
    began = time()
    time.advance(minutes=20)
    await sessions.get(old)
    await sessions.get(ended)
    await sessions.end(ended)
    time.advance(minutes=15)
    new = await sessions.create("ann", None, None)
    assert await sessions.get(idle) is None
    listed = await sessions.list("ann")
    assert [entry.id_hash for entry in listed] == [hash_of(new), hash_of(old)]
    assert listed[0].created_at == listed[0].seen_at > listed[1].seen_at > began >= listed[1].created_at
    assert await sessions.list("nobody") == ()


# Going on for another account


async def test_goes_on_under_a_new_id(sessions: Sessions, db: Database) -> None:
    cookie = await sessions.create("ann", None, Hidden("the.id.token"), "laptop")
    before = await sessions.get(cookie)
    renewed = await sessions.renew(cookie, "acme")
    assert renewed
    assert before
    assert await sessions.get(cookie) is None, "though Redis had a copy"
    assert await sessions.renew(cookie, "acme") is None
    after = await sessions.get(renewed)
    assert after
    assert (after.member_id, after.account_id) == ("ann", "acme")
    assert after.csrf_token != before.csrf_token
    assert after.expires_at == before.expires_at, "or a session could be made to last for ever"
    assert (await row_of(db, renewed)).provider_sid == "laptop"
    id_token = await sessions.end(renewed)
    assert id_token
    assert id_token.reveal() == "the.id.token"


@pytest.mark.parametrize("cookie", [None, "", "A" * 43, "x" * 44])
async def test_goes_on_from_no_session_that_is_none_of_ours(sessions: Sessions, cookie: str | None) -> None:
    assert await sessions.renew(cookie, "acme") is None


async def test_does_not_go_on_from_a_session_that_is_over(sessions: Sessions, time: Time) -> None:
    ended, idle = [await sessions.create("ann", None, None) for _ in range(2)]
    await sessions.end(ended)
    assert await sessions.renew(ended, "acme") is None
    time.advance(minutes=30)
    assert await sessions.renew(idle, "acme") is None
    assert await sessions.list("ann") == ()


@pytest.mark.parametrize("end", ["member", "provider"])
async def test_ends_a_session_that_goes_on_meanwhile(sessions: Sessions, end: str) -> None:
    """Whichever comes first, nobody is signed in afterwards."""
    for number in range(20):
        cookie = await sessions.create("ann", None, None, "laptop")

        async def sign_out(wait: int = number % 10) -> None:
            for _ in range(wait):
                await asyncio.sleep(0)
            if end == "member":
                await sessions.end_all("ann", by=BY)
            else:
                await sessions.end_at_provider("main", "https://op.example", None, "laptop")

        renewed, _ = await asyncio.gather(sessions.renew(cookie, "acme"), sign_out())
        assert [await sessions.get(cookie), await sessions.get(renewed)] == [None, None]


@pytest.mark.parametrize(
    "steps", [[IDLE], [*[timedelta(minutes=29)] * 24, timedelta(minutes=24)]], ids=["idle", "absolute"]
)
async def test_ends_by_itself(sessions: Sessions, time: Time, steps: list[timedelta]) -> None:
    cookie = await sessions.create("ann", None, None)
    for step in steps[:-1]:
        time.shift += step
        assert await sessions.get(cookie) is not None
    time.shift += steps[-1]
    assert await sessions.get(cookie) is None
    time.shift -= timedelta(seconds=5)
    assert await sessions.get(cookie) is not None, "seconds before, it was alive"


async def test_ends_by_itself_though_a_copy_is_fresh(
    sessions: Sessions, redis: Client, time: Time, db: Database
) -> None:
    """A copy tells when the session ends; it is not believed beyond that."""
    cookie = await sessions.create("ann", None, None)
    async with db.write() as session:
        await session.execute(sa.update(Row).values(expires_at=time() + timedelta(seconds=5)))
    assert await sessions.get(cookie) is not None
    time.advance(seconds=6)
    assert await redis.exists(copy_of(cookie))
    assert await sessions.get(cookie) is None


async def test_notes_use_once_a_minute(sessions: Sessions, db: Database, redis: Client, time: Time) -> None:
    cookie = await sessions.create("ann", None, None)
    noted = []
    for _ in range(12):
        time.advance(seconds=15)
        await redis.flushall()
        await sessions.get(cookie)
        noted.append((await row_of(db, cookie)).seen_at)
    assert len(set(noted)) == 4, "at the start and after each of three minutes"


async def test_notes_use_in_one_write_for_many_requests_at_once(sessions: Sessions, db: Database, time: Time) -> None:
    cookie = await sessions.create("ann", None, None)
    time.advance(minutes=2)
    found = await asyncio.gather(*(sessions.get(cookie) for _ in range(10)))
    assert {session.seen_at for session in found if session} == {(await row_of(db, cookie)).seen_at}
    assert None not in found


@contextlib.asynccontextmanager
async def down(**_: object) -> AsyncIterator[None]:
    raise DatabaseDown("database is locked")
    yield


async def test_is_still_signed_in_while_use_cannot_be_noted(
    sessions: Sessions, db: Database, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await sessions.create("ann", None, None)
    time.advance(minutes=2)
    monkeypatch.setattr(db, "write", down)
    assert await sessions.get(cookie) is not None


async def test_lets_nobody_in_while_nobody_can_tell(
    sessions: Sessions, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await sessions.create("ann", None, None)
    monkeypatch.setattr(db, "read", down)
    with pytest.raises(DatabaseDown):
        await sessions.get(cookie)


async def test_asks_nobody_about_what_is_no_id(
    sessions: Sessions, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("read", "write"):
        monkeypatch.setattr(db, method, None)
    for cookie in ("", "x", "A" * 44, "A" * 42 + "!"):
        assert await sessions.get(cookie) is None
        assert await sessions.end(cookie) is None


async def test_asks_the_row_once_in_ten_seconds(
    sessions: Sessions, db: Database, redis: Client, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    cookie = await sessions.create("ann", None, None)
    await sessions.get(cookie)
    assert 0 < await redis.pttl(copy_of(cookie)) <= 10_000
    monkeypatch.setattr(db, "read", None)
    for _ in range(5):
        assert await sessions.get(cookie) is not None
    time.advance(seconds=10)
    with pytest.raises(TypeError):  # it asks again
        await sessions.get(cookie)


async def test_forgets_what_ended_long_ago(sessions: Sessions, db: Database, time: Time) -> None:
    ended, expired, recent = [await sessions.create("ann", None, None) for _ in range(3)]
    await sessions.end(ended)
    async with db.write() as session:
        await session.execute(
            sa.update(Row).where(Row.id_hash == hash_of(expired)).values(expires_at=time() + timedelta(minutes=1))
        )
    assert await sessions.purge(timedelta(days=1)) == 0
    time.advance(hours=25)
    live = await sessions.create("ann", None, None)
    assert await sessions.purge(timedelta(days=1)) == 2
    assert await sessions.get(live) is not None
    assert (await row_of(db, recent)).ended_at is None


async def test_goes_with_its_member(sessions: Sessions, db: Database, time: Time) -> None:
    cookie = await sessions.create("ann", None, None)
    await sessions.get(cookie)
    async with db.write() as session:
        await session.execute(sa.delete(Member).where(Member.id == "ann"))
    time.advance(seconds=10)
    assert await sessions.get(cookie) is None


# What a copy may do, and may not


async def test_never_stores_a_copy_over_the_mark_of_a_sign_out(
    sessions: Sessions, redis: Client, time: Time, db: Database
) -> None:
    """A request that read the row before the sign-out comes late with its copy."""
    cookie = await sessions.create("ann", None, None)
    session = await sessions.get(cookie)
    assert session is not None
    await sessions.end(cookie)
    await Copies(redis, "session", Session, time).put(session.id_hash.hex(), session, time())
    assert await redis.get(copy_of(cookie)) == MARK
    assert await sessions.get(cookie) is None


async def test_does_not_believe_a_copy_that_comes_after_the_mark_has_gone(
    sessions: Sessions, redis: Client, time: Time
) -> None:
    """The process was stopped for long between reading the row and storing the copy."""
    cookie = await sessions.create("ann", None, None)
    session = await sessions.get(cookie)
    assert session is not None
    read_at = time()
    await sessions.end(cookie)
    await redis.flushall()
    time.advance(seconds=10)
    await Copies(redis, "session", Session, time).put(session.id_hash.hex(), session, read_at)
    assert await sessions.get(cookie) is None


async def test_dates_a_copy_by_when_its_row_was_read(
    sessions: Sessions, db: Database, redis: Client, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await sessions.create("ann", None, None)
    read = db.read

    @contextlib.asynccontextmanager
    async def slow_read() -> AsyncIterator[AsyncSession]:
        async with read() as session:
            yield session
        time.advance(seconds=9)

    monkeypatch.setattr(db, "read", slow_read)
    await sessions.get(cookie)
    copy = msgspec.json.decode(await redis.get(copy_of(cookie)) or b"", type=Copy)
    assert time() - copy.read_at > timedelta(seconds=9)


@pytest.mark.parametrize("value", [b"", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"session": {}, "read_at": 7}'])
async def test_does_not_believe_what_is_no_copy(sessions: Sessions, redis: Client, value: bytes) -> None:
    cookie = await sessions.create("ann", None, None)
    await redis.set(copy_of(cookie), value)
    assert await sessions.get(cookie) is not None
    await sessions.end(cookie)
    await redis.set(copy_of(cookie), value)
    assert await sessions.get(cookie) is None


async def test_does_not_believe_the_copy_of_another_session(sessions: Sessions, redis: Client) -> None:
    anns, bobs = await sessions.create("ann", None, None), await sessions.create("bob", None, None)
    await sessions.get(anns)
    await redis.set(copy_of(bobs), await redis.get(copy_of(anns)) or b"")
    session = await sessions.get(bobs)
    assert session is not None
    assert session.member_id == "bob"


async def test_does_not_believe_a_copy_from_the_future(sessions: Sessions, redis: Client, time: Time) -> None:
    cookie = await sessions.create("ann", None, None)
    session = await sessions.get(cookie)
    assert session is not None
    await sessions.end(cookie)
    await redis.set(
        copy_of(cookie), msgspec.json.encode(Copy(session.id_hash.hex(), session, time() + timedelta(hours=1)))
    )
    assert await sessions.get(cookie) is None


@pytest.mark.parametrize("seed", range(4))
async def test_never_revives_a_session_by_a_slow_request(sessions: Sessions, time: Time, seed: int) -> None:
    """Fifty sign-outs a time, each among requests of the same session that are under way."""
    for number in range(50):
        cookie = await sessions.create("ann", None, None)
        if number % 2:
            time.advance(minutes=2)  # so that the requests also want to write that it is used

        async def request(cookie: str = cookie, wait: int = 0) -> None:
            for _ in range(wait):
                await asyncio.sleep(0)
            await sessions.get(cookie)

        async def sign_out(cookie: str = cookie, wait: int = 0) -> None:
            for _ in range(wait):
                await asyncio.sleep(0)
            await sessions.end(cookie)
            assert await sessions.get(cookie) is None

        await asyncio.gather(*(request(wait=7 * n) for n in range(4)), sign_out(wait=(seed * 50 + number) % 40))
        assert await sessions.get(cookie) is None


# Redis dead, hung, and back


@contextlib.asynccontextmanager
async def connected(process: RedisProcess) -> AsyncIterator[Client]:
    """A client that has seen no trouble."""
    client = connect(process.url)
    try:
        yield client
    finally:
        await client.aclose()


async def well(client: Client) -> None:
    """Wait for the first answer: a busy machine may open a connection slower than a page would wait for it."""
    while True:
        with contextlib.suppress(CacheDown):
            await client.ping()
            return
        await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def shaky(redis_process: RedisProcess) -> AsyncIterator[Client]:
    async with connected(redis_process) as client:
        await well(client)
        yield client


async def test_lives_through_a_dead_redis(db: Database, shaky: Client, redis_process: RedisProcess, time: Time) -> None:
    sessions = sessions_on(db, shaky, time)
    stays, leaves = [await sessions.create("ann", None, None) for _ in range(2)]
    for cookie in (stays, leaves):
        assert await sessions.get(cookie) is not None
    redis_process.kill()
    assert await sessions.get(stays) is not None
    await sessions.end(leaves)
    assert await sessions.get(leaves) is None
    assert await sessions.get(await sessions.create("bob", None, None)) is not None
    redis_process.start()
    for _ in range(3):
        assert await sessions.get(stays) is not None
        assert await sessions.get(leaves) is None


@pytest.mark.parametrize("first", ["page", "sign-out"])
async def test_lives_through_a_hung_redis_that_comes_back_with_old_copies(
    db: Database, shaky: Client, redis_process: RedisProcess, time: Time, first: str
) -> None:
    """It wakes with the copy of the session that was signed out meanwhile, and without its mark."""
    sessions = sessions_on(db, shaky, time)
    stays, leaves = [await sessions.create("ann", None, None) for _ in range(2)]
    for cookie in (stays, leaves):
        await sessions.get(cookie)
    old_copy = await shaky.get(copy_of(leaves))
    assert old_copy is not None
    redis_process.pause()
    if first == "page":
        assert await sessions.get(stays) is not None
    await sessions.end(leaves)
    assert await sessions.get(leaves) is None
    assert await sessions.get(stays) is not None
    redis_process.resume()
    async with connected(redis_process) as other:
        await well(other)
        await other.set(copy_of(leaves), old_copy)
        for _ in range(3):
            assert await sessions.get(leaves) is None
            assert await sessions.get(stays) is not None
        assert await other.get(copy_of(leaves)) == old_copy, "nothing in Redis spoke against it"


async def test_goes_by_the_rows_for_ten_seconds_after_trouble(
    db: Database, shaky: Client, redis_process: RedisProcess, time: Time
) -> None:
    timer = 0.0
    copies = Copies(shaky, "session", Session, time, lambda: timer)
    sessions = sessions_on(db, shaky, time)
    sessions._copies = copies
    cookie = await sessions.create("ann", None, None)
    await sessions.get(cookie)
    redis_process.kill()
    assert await copies.get(hash_of(cookie).hex()) is None
    redis_process.start()
    async with connected(redis_process) as back:
        await well(back)
        copies._redis = back
        timer += 9.9
        await sessions.get(cookie)
        assert await back.keys("*") == [], "neither read nor filled"
        timer += 0.2
        await sessions.get(cookie)
        assert await copies.get(hash_of(cookie).hex()) is not None
