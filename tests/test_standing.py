"""Where somebody stands: as the rows say, or a copy that is ten seconds old at most and their own."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_clock import NOON, Clock

from auth.principals import Principal
from auth.provider import Identity
from cache.client import Client
from cache.copies import Copies
from gateway.access import remember
from gateway.links import Login, Proof, link
from gateway.mails.messages import posts_of
from gateway.records.database import Database
from gateway.records.tables import Membership, Session
from gateway.standing import Standing, Standings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def copies(redis: Client, clock: Clock) -> Copies[Standing]:
    return Copies(redis, "visit", Standing, clock)


@pytest.fixture
def database(database_with_sources: Database) -> Database:
    return database_with_sources


@pytest.fixture
def standings(database: Database, copies: Copies[Standing], clock: Clock) -> Standings:
    return Standings(database, copies, clock, posts_of)


@pytest.fixture
async def mary(database: Database) -> Principal:
    member = await remember(
        database, Identity(issuer="https://id", subject="mary", email=None, name="Mary"), NOON, trail=TRAIL
    )
    proof = Proof(fact="customer number", decided_by="test", decided_at=NOON)
    for account in ("acme", "globex"):
        login = Login("https://id", "mary")
        await link(
            database,
            account=account,
            source="erp",
            customer=account,
            proof=proof,
            name=account.title(),
            login=login,
            trail=TRAIL,
            by=BY,
        )
    return Principal(member_id=member, account_id="acme", csrf_token="t", session=b"s" * 32, provider="main")


async def leave(database: Database, account: str) -> None:
    async with database.write() as session:
        await session.execute(sa.delete(Membership).where(Membership.account_id == account))


async def test_says_what_the_rows_say(standings: Standings, mary: Principal) -> None:
    standing = await standings.of(mary)
    assert standing.scope is not None
    assert [link.customer for link in standing.scope.links] == ["acme"]
    assert [account.id for account in standing.accounts] == ["acme", "globex"]
    assert standing.profile.called == "Mary"


async def test_is_ten_seconds_old_at_most(
    standings: Standings, mary: Principal, database: Database, clock: Clock
) -> None:
    await standings.of(mary)
    await leave(database, "acme")
    clock.now += timedelta(seconds=9)
    assert (await standings.of(mary)).scope is not None
    clock.now += timedelta(seconds=1)
    assert (await standings.of(mary)).scope is None


async def test_is_never_that_of_another_account_member_or_session(
    standings: Standings, copies: Copies[Standing], mary: Principal, redis: Client
) -> None:
    await standings.of(mary)
    globex = await standings.of(replace(mary, account_id="globex"))
    assert globex.scope is not None
    assert globex.scope.account_id == "globex"
    nobody = await standings.of(replace(mary, account_id=None))
    assert nobody.scope is None
    (stored,) = await redis.look_up(copies.key(mary.session.hex()))
    assert standings.believe(mary, stored)
    assert standings.believe(replace(mary, session=b"o" * 32), stored) is None


async def test_goes_by_the_rows_after_trouble_with_redis(
    standings: Standings, copies: Copies[Standing], mary: Principal, database: Database
) -> None:
    await standings.of(mary)
    copies.doubt()
    await leave(database, "acme")
    assert (await standings.of(mary)).scope is None


async def test_reads_many_at_once_and_gives_each_their_own(
    standings: Standings, mary: Principal, database: Database
) -> None:
    ann_id = await remember(
        database, Identity(issuer="https://id", subject="ann", email=None, name="Ann"), NOON, trail=TRAIL
    )
    ann = replace(mary, member_id=ann_id, session=b"a" * 32)
    seen = {b"s" * 32: NOON, b"t" * 32: NOON - timedelta(days=1), b"u" * 32: NOON - timedelta(days=2)}
    async with database.write() as session:
        for id_hash, seen_at in seen.items():
            session.add(
                Session(
                    id_hash=id_hash,
                    kind="member",
                    member_id=mary.member_id,
                    csrf_token="t",
                    provider="main",
                    created_at=seen_at,
                    seen_at=seen_at,
                    expires_at=NOON,
                )
            )
    people = [
        mary,
        replace(mary, session=b"t" * 32, account_id="globex"),
        replace(mary, session=b"u" * 32, account_id=None),
        ann,
    ]
    found = await asyncio.gather(*map(standings.of, people))

    assert [each.profile.called for each in found] == ["Mary", "Mary", "Mary", "Ann"]
    assert [each.scope and each.scope.account_id for each in found] == ["acme", "globex", None, None]
    assert [[ref.id for ref in each.accounts] for each in found] == [["acme", "globex"]] * 3 + [[]]
    assert [each.profile.last_visit_at for each in found] == [NOON - timedelta(days=1), NOON, NOON, None]
