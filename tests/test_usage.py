"""Usage: written without anybody waiting for it, never more than we mean to keep."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs
from support_clock import NOON, Clock

from gateway import usage as module
from gateway.keeping import BY_ITSELF
from gateway.records.database import Database, DatabaseDown
from gateway.records.tables import Member, UsageEvent
from gateway.usage import PAGES, Usage


@pytest_asyncio.fixture
async def usage(database: Database) -> Usage:
    async with database.write() as session:
        for name in ("m1", "m2"):
            session.add(Member(id=name, issuer="https://login.example", subject=name, created_at=NOON))
    return Usage(database, now=Clock())


async def rows(database: Database) -> list[UsageEvent]:
    async with database.read() as session:
        return list(await session.scalars(sa.select(UsageEvent).order_by(UsageEvent.id)))


async def until_there_are(count: int, database: Database) -> None:
    async with asyncio.timeout(10):
        while len(await rows(database)) != count:  # noqa: ASYNC110  # a database has no event to wait for
            await asyncio.sleep(0.001)


async def pages(database: Database) -> list[str]:
    return sorted(row.page for row in await rows(database))


async def test_writes_what_it_was_told(usage: Usage, database: Database) -> None:
    usage.record("viewed", "home", member_id="m1", account_id="a1", detail={"records": 12, "partial": True})
    usage.record("left", "invoice")
    await usage.flush()

    first, second = sorted(await rows(database), key=lambda row: row.page)
    assert (first.name, first.page, first.member_id, first.account_id) == ("viewed", "home", "m1", "a1")
    assert (first.at, first.detail) == (NOON, {"records": 12, "partial": True})
    assert (second.name, second.member_id, second.account_id, second.detail) == ("left", None, None, {})


@pytest.mark.parametrize(
    ("name", "page", "detail"),
    [
        ("viewed", "/invoices/erp/17?token=s3cret", None),
        ("viewed", "", None),
        ("clicked", "home", None),
        ("viewed", "home", {"search": "Jane Doe"}),
    ],
)
async def test_notes_nothing_that_is_not_on_its_lists(
    name: str, page: str, detail: dict[str, Any] | None, usage: Usage, database: Database
) -> None:
    usage.record(name, page, detail=detail)
    await usage.flush()

    assert await rows(database) == []


async def test_takes_many_batches_at_once(usage: Usage, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 7)
    for n in range(50):
        usage.record("viewed", "home", member_id=f"m{n}")
    await usage.flush()

    assert len(await rows(database)) == 50


async def test_writes_one_row_for_what_is_the_same_until_it_is_written(usage: Usage, database: Database) -> None:
    for member in ("m1", "m2", "m1", "m1"):
        usage.record("viewed", "home", member_id=member)
    await usage.flush()
    usage.record("viewed", "home", member_id="m1")
    await usage.flush()

    counted = sorted((row.member_id, row.detail.get("times", 1)) for row in await rows(database))
    assert counted == [("m1", 1), ("m1", 3), ("m2", 1)]


async def test_writes_by_itself(usage: Usage, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITTEN_EVERY", 0.001)
    await usage.start()
    usage.record("viewed", "home")

    await until_there_are(1, database)
    await usage.aclose()


async def test_writes_the_last_ones_when_closed(usage: Usage, database: Database) -> None:
    await usage.start()
    usage.record("finished", "invoices-file")
    await usage.aclose()

    assert await pages(database) == ["invoices-file"]


async def test_drops_the_oldest_when_nobody_takes_them(database: Database) -> None:
    usage = Usage(database, room=3)
    for page in ["home", "home", "orders", "invoices", "invoice", "account"]:
        usage.record("viewed", page)
    await usage.flush()

    assert await pages(database) == ["account", "invoice", "invoices"]
    assert usage.dropped == 3


@pytest_asyncio.fixture
async def away() -> AsyncIterator[Database]:
    """A database that nobody serves."""
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    yield database
    await database.close()


async def test_keeps_events_while_the_database_is_away(away: Database, database: Database) -> None:
    usage = Usage(away, room=3)
    for page in ["home", "invoices", "invoice"]:
        usage.record("viewed", page)
    await usage.flush()
    usage.record("viewed", "account")
    await usage.flush()
    usage._database = database  # it is back
    await usage.flush()

    assert await pages(database) == ["account", "invoice", "invoices"]
    assert usage.dropped == 1


async def test_counts_a_day_whose_first_write_failed(
    usage: Usage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = database.write

    @asynccontextmanager
    async def refused() -> AsyncIterator[AsyncSession]:
        async with write() as session:
            yield session
            raise DatabaseDown("full")

    usage.record("viewed", "home", member_id="m1")
    with monkeypatch.context() as broken:
        broken.setattr(database, "write", refused)
        await usage.flush()
    await usage.flush()

    async with database.read() as session:
        assert await session.scalar(sa.select(Member.days).where(Member.id == "m1")) == 1


async def test_keeps_the_newest_of_what_came_while_a_write_failed(database: Database) -> None:
    usage = Usage(database, room=3)
    for page in ["home", "invoices", "invoice"]:
        usage.record("viewed", page)
    batch, usage._waiting = usage._waiting, {}
    for page in ["account", "invoice"]:
        usage.record("viewed", page)
    usage._put_back(batch)
    await usage.flush()

    found = {row.page: row.detail for row in await rows(database)}
    assert found == {"account": {}, "invoice": {"times": 2}, "invoices": {}}
    assert usage.dropped == 1


async def test_gives_up_events_that_the_database_refuses_and_goes_on(usage: Usage, database: Database) -> None:
    usage.record("viewed", "home")
    batch = dict(usage._waiting)
    await usage.flush()
    usage._put_back(batch)  # as after a commit whose answer was lost
    with capture_logs() as logs:
        await usage.flush()
    usage.record("viewed", "account")
    await usage.flush()

    assert [entry["event"] for entry in logs] == ["usage events refused"]
    assert usage.dropped == 1
    assert await pages(database) == ["account", "home"]


async def test_says_how_many_it_lost_when_closed_without_a_database(away: Database) -> None:
    usage = Usage(away)
    await usage.start()
    usage.record("viewed", "home")
    with capture_logs() as logs:
        await usage.aclose()

    assert [(entry["event"], entry["count"]) for entry in logs] == [("usage events dropped", 1)]


async def test_forgets_what_is_old_once_a_day(
    usage: Usage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITTEN_EVERY", 0.001)
    clock = usage._now
    assert isinstance(clock, Clock)
    usage.record("viewed", "home")
    clock.now += timedelta(hours=1)
    usage.record("viewed", "account")
    await usage.flush()
    clock.now = NOON + timedelta(days=BY_ITSELF["usage"]) + timedelta(minutes=1)
    await usage.start()
    await until_there_are(1, database)
    assert await pages(database) == ["account"]

    clock.now += timedelta(days=1)
    await until_there_are(0, database)
    await usage.aclose()


def test_knows_every_page_of_the_portal() -> None:
    portal = Path(__file__).parent.parent / "web" / "portal"
    named = {page for module in portal.glob("*.py") for page in re.findall(r'"(\w+)\.html"', module.read_text("utf-8"))}
    pages = {
        page for page in named if "{% extends" in (portal.parent / "templates" / f"{page}.html").read_text("utf-8")
    }
    assert pages
    assert pages <= PAGES
