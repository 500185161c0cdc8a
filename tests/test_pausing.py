"""A source that is paused: nobody asks it, whoever it is that would, and what was read counts on."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_feeds import DAY, Ledger, Process, Ticking, link, process

from cache.client import Client
from gateway.feeds.sweeps import Sweep, Sweeps, read_anew
from gateway.offices import Office, SourcePaused
from gateway.records.database import Database
from gateway.records.feed_tables import SweepRow
from gateway.worker import Due

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def ledger(clock: Ticking) -> Ledger:
    return Ledger(clock)


@pytest.fixture
def paused(ledger: Ledger, clock: Ticking) -> Office:
    return replace(ledger.office(), paused_at=clock())


@pytest_asyncio.fixture
async def here(database: Database, redis: Client, paused: Office, clock: Ticking) -> AsyncIterator[Process]:
    await link(database, "7")
    async with process(database, redis, paused, clock) as made:
        yield made


async def test_is_neither_followed_nor_read_as_a_whole(here: Process, ledger: Ledger, paused: Office) -> None:
    assert not await here.following.look("ledger", "invoices")
    assert not await here.sweeping.sweep("ledger")
    _, (found,) = await here.supply.serve([here.want("7")], 0.0)
    assert (found.known, found.state) == (None, "paused")
    with pytest.raises(SourcePaused):
        _ = paused.back_office
    assert ledger.asked == []


async def test_has_no_turn_in_the_queue(here: Process) -> None:
    put: list[Any] = []

    class Queue:
        async def enqueue(self, *job: Any, **its: Any) -> None:
            put.append((job, its))

    queue: Any = Queue()
    await Due(here.offices, queue, sweeps=True).enqueue()
    assert put == []


async def test_begins_anew_whatever_a_process_is_still_at(database: Database, ledger: Ledger, clock: Ticking) -> None:
    await link(database, "7", "8")
    office, sweeps = ledger.office(), Sweeps(database)
    under_way = await sweeps.go_on(office, clock(), every=DAY)
    assert under_way
    clock.now += timedelta(seconds=9)
    assert await read_anew(database, source="ledger", now=clock(), trail=TRAIL, by=BY)
    (first, *_) = await sweeps.links_after(office, None, most=1)
    await sweeps.came_to(office, under_way, Sweep.place_of(*first), 1, {"invoices:read": 3})
    again = await sweeps.go_on(office, clock(), every=DAY)
    assert again
    assert (again.place, again.done, again.total, again.compared) == (None, 0, 2, {}), "it counts for nothing"
    await sweeps.came_to(office, again, Sweep.place_of(*first), 1, {"invoices:read": 3})
    async with database.read() as session:
        assert await session.scalar(sa.select(SweepRow.done)) == 1
    assert not await read_anew(database, source="nothing", now=clock(), trail=TRAIL, by=BY)
