"""The durable rows, on both databases."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.exc import IntegrityError, StatementError

from gateway.records import migrate
from gateway.records.database import Database, DatabaseDown
from gateway.records.ids import ALPHABET, new_id
from gateway.records.tables import Account, Link
from gateway.records.urls import DatabaseUrlError, parse_url

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CANARY = "hunter2canary"


def account(name: str) -> Account:
    return Account(id=name, name=name, created_at=NOON)


async def add(database: Database, name: str) -> None:
    async with database.write() as session:
        session.add(account(name))


async def add_one_to(database: Database, name: str) -> None:
    """Read, think, write: the name is a number."""
    async with database.write() as session:
        row = await session.get_one(Account, name, with_for_update=True)
        await asyncio.sleep(0)
        row.name = str(int(row.name) + 1)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(Account.name).order_by(Account.name)))


async def pick(database: Database, statement: str) -> Any:
    async with database.read() as session:
        return await session.scalar(sa.text(statement))


async def test_commits_at_the_end_of_a_write(database: Database) -> None:
    await add(database, "acme")
    assert await names(database) == ["acme"]


async def test_rolls_back_a_write_that_fails(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(account("acme"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await names(database) == []


async def test_refuses_a_write_in_a_read(database: Database) -> None:
    with pytest.raises((DatabaseDown, sa.exc.DBAPIError)):
        async with database.read() as session:
            session.add(account("acme"))
    assert await names(database) == []


async def test_reads_one_moment(database: Database) -> None:
    await add(database, "1")
    async with database.read() as session:
        before = await session.scalar(sa.select(Account.name))
        await add_one_to(database, "1")
        session.expire_all()
        assert await session.scalar(sa.select(Account.name)) == before == "1"
    assert await names(database) == ["2"]


async def test_reads_while_another_writes(database: Database) -> None:
    async with database.write() as session:
        session.add(account("acme"))
        await session.flush()
        assert await names(database) == []


async def test_loses_no_write_of_several_processes(database: Database, database_url: str) -> None:
    await add(database, "0")
    other = Database(database_url)
    await asyncio.gather(*(add_one_to(each, "0") for _ in range(20) for each in (database, other)))
    await other.close()
    assert await names(database) == ["40"]


async def test_survives_cancelled_callers(database: Database) -> None:
    dice = random.Random(7)
    await add(database, "0")

    async def impatient() -> int:
        """Says whether it was done."""
        try:
            async with asyncio.timeout(dice.random() * 0.02):
                await add_one_to(database, "0")
        except TimeoutError:
            return 0
        return 1

    done = sum(await asyncio.gather(*(impatient() for _ in range(60))))
    await add_one_to(database, "0")
    (counted,) = await names(database)
    assert done + 1 <= int(counted) <= 61  # a commit may be under way when its caller leaves
    async with AsyncExitStack() as stack:
        for _ in range(5):  # connections are left for everybody
            session = await stack.enter_async_context(database.read())
            await session.execute(sa.text("SELECT 1"))


async def test_leaves_no_lock_with_a_connection_that_was_given_up(tmp_path: Path) -> None:
    """SQLite keeps one that is closed as long as there is a cursor, and whoever was cancelled leaves one behind."""
    url = f"sqlite:///{tmp_path}/hallway.db"
    migrate.upgrade(url)
    database = Database(url, patience=0.5)
    await add(database, "0")
    left: list[object] = []

    async def give_up() -> None:
        async with database.write() as session:
            connection = await session.connection()
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver
            left.append(cursor := await driver.execute("SELECT 1 UNION SELECT 2"))
            await cursor.fetchone()  # and not the other one
            await connection.invalidate()
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await give_up()
    await add_one_to(database, "0")
    assert await names(database) == ["1"]
    assert left
    await database.close()


async def test_gives_up_on_a_lock(database: Database, database_url: str) -> None:
    await add(database, "0")
    hasty = Database(database_url, patience=0.1)
    async with database.write() as session:
        await session.execute(sa.update(Account).values(name="1"))
        with pytest.raises(DatabaseDown):
            await add_one_to(hasty, "0")
        assert await names(hasty) == ["0"]
    await add_one_to(hasty, "0")
    await hasty.close()
    assert await names(database) == ["2"]


async def test_waits_no_longer_in_two_places_than_in_one(tmp_path: Path) -> None:
    """Writers queue for SQLite's one connection, and then for the lock: who has waited for the first waits less."""
    url = f"sqlite:///{tmp_path}/hallway.db"
    migrate.upgrade(url)
    database, other = Database(url, patience=2.0), Database(url)
    told: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        told.append(statement)

    async def write(after: float) -> None:
        await asyncio.sleep(after)
        with pytest.raises(DatabaseDown):
            await add(database, "acme")

    async with other.write() as session:
        await session.connection()
        await asyncio.gather(write(0), write(1))  # the second has the connection when the first gives up
        sa.event.listen(database._writer.sync_engine, "before_cursor_execute", note)
        with pytest.raises(DatabaseDown):
            async with database.write(within=0.0):
                raise AssertionError
    assert told == ["PRAGMA busy_timeout = 0", "BEGIN IMMEDIATE", "PRAGMA busy_timeout = 2000"]
    await add(database, "acme")
    assert await names(database) == ["acme"]
    await database.close()
    await other.close()


async def test_gives_up_when_all_connections_are_busy(database_url: str) -> None:
    hasty = Database(database_url, patience=0.05)

    async def read_in_a_read() -> None:
        async with hasty.read() as session:
            await session.execute(sa.text("SELECT 1"))
            await read_in_a_read()

    with pytest.raises(DatabaseDown, match="all connections are busy"):
        await read_in_a_read()
    assert await names(hasty) == []
    await hasty.close()


async def test_says_when_there_is_no_database(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.db", f"postgresql://hallway:{CANARY}@127.0.0.1:1/hallway"):
        database = Database(url)
        with pytest.raises(DatabaseDown, match=r"unable to open|refused") as caught:
            await names(database)
        await database.close()
        assert CANARY not in str(caught.value)


async def test_keeps_broken_rules_apart_from_broken_databases(database: Database) -> None:
    link = Link(source="none", customer=CANARY, account_id="none", fact="", decided_by="", decided_at=NOON)
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as session:
            session.add(link)
    assert CANARY not in str(caught.value)
    await add(database, CANARY)
    with pytest.raises(IntegrityError) as caught:
        await add(database, CANARY)
    assert CANARY not in str(caught.value).partition("\n")[0]  # what the log shows of it


async def test_keeps_instants(database: Database) -> None:
    elsewhere = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with database.write() as session:
        session.add(Account(id="acme", name="acme", created_at=elsewhere))
    async with database.read() as session:
        kept = await session.scalar(sa.select(Account.created_at).where(Account.created_at == elsewhere))
    assert kept == elsewhere
    assert kept.tzinfo == UTC


async def test_refuses_an_instant_without_a_zone(database: Database) -> None:
    with pytest.raises(StatementError, match="an instant without a zone"):
        async with database.write() as session:
            session.add(Account(id="acme", name="acme", created_at=NOON.replace(tzinfo=None)))


async def test_tells_sqlite_to_be_careful(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hallway.db"
    migrate.upgrade(url)
    database = Database(url)
    for begin in (database.read, database.write):
        async with begin() as session:
            told = {
                name: await session.scalar(sa.text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    await database.close()


async def test_lets_the_address_overrule_what_postgresql_is_told(migrated_postgresql: str) -> None:
    told = {}
    for options in ("", "&options=-c%20statement_timeout%3D7s", "&application_name=mine"):
        database = Database(migrated_postgresql + options)
        told[options] = [await pick(database, f"SHOW {name}") for name in ("statement_timeout", "application_name")]
        await database.close()
    assert list(told.values()) == [["5s", "hallway"], ["7s", "hallway"], ["5s", "mine"]]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no database address"),
        ("hallway.db", "no database address"),
        ("mysql://db/hallway", "not supported"),
        ("postgres://db/hallway", "not supported"),
        ("postgresql+asyncpg://db/hallway", "not supported"),
        ("sqlite+aiosqlite:///hallway.db", "not supported"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite://hallway.db", "three slashes"),
        ("sqlite:///hallway.db?mode=memory", "no options"),
        ("postgresql://db", "names no database"),
        (f"postgresql://u:{CANARY}@db:port/hallway", "no database address"),
    ],
)
def test_refuses_an_address_and_says_what_to_write(url: str, reason: str) -> None:
    with pytest.raises(DatabaseUrlError, match=reason) as caught:
        parse_url(url)
    assert CANARY not in str(caught.value)


def test_makes_ids_that_sort_by_time() -> None:
    ids = []
    for at in range(5):
        with time_machine.travel(NOON + timedelta(milliseconds=at), tick=False):
            ids.append(new_id())
    assert ids == sorted(ids)
    assert all(len(each) == 26 and set(each) <= set(ALPHABET) for each in ids)
    with time_machine.travel(NOON, tick=False):
        assert len({new_id() for _ in range(1000)}) == 1000


def test_makes_ids_as_others_make_ulids() -> None:
    """The specification's example: 1469918176385 ms is 01ARYZ6S41."""
    with time_machine.travel(datetime.fromtimestamp(1469918176.385, UTC), tick=False):
        assert new_id()[:10].upper() == "01ARYZ6S41"
