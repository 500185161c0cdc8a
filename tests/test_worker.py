"""`hallway worker` as processes: two share the work, one that dies is succeeded, and none outlives its portal."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from random import Random

import pytest_asyncio
import sqlalchemy as sa
from faults_feeds import HURRIED_WORKER, worker
from faults_hurry import EVERY
from faults_world import BAKERY, World, world
from support_serve import PATIENCE, Served, name_of

from auth.clock import utc_now
from connectors.sandbox.faults import Fault
from gateway.records.database import Database
from gateway.records.identity_tables import Lease
from gateway.settings import load


@pytest_asyncio.fixture
async def built() -> AsyncIterator[World]:
    async with world(Random(7), {"bakery": BAKERY}, promise=60) as made:
        made.environ["PYTHONPATH"] = os.pathsep.join(["tests", "."])
        made.sandbox.site.zendesk.exports_a_minute = 100_000
        yield made


def looks(built: World) -> int:
    """Count the looks at Zendesk's feed: each is one question while nothing changes."""
    return sum("/incremental/" in seen.path for seen in built.sandbox.zendesk_seen)


async def until_looks(built: World, least: int) -> int:
    last = time.monotonic() + PATIENCE
    while (count := looks(built)) < least:
        assert time.monotonic() < last, f"{count} looks"
        await asyncio.sleep(0.02)
    return count


async def test_two_look_once_in_each_interval(built: World) -> None:
    async with worker(built, HURRIED_WORKER), worker(built, HURRIED_WORKER):
        await until_looks(built, 1)
        began, before = time.monotonic(), looks(built)
        count = await until_looks(built, before + 8) - before
        assert count <= (time.monotonic() - began) / EVERY.total_seconds() + 1


async def test_one_that_was_killed_over_a_look_is_succeeded_when_its_turn_ends(built: World) -> None:
    async with worker(built, HURRIED_WORKER) as working:
        await until_looks(built, 1)
        built.sandbox.zendesk_fault(Fault(kind="hang"))
        before = await until_looks(built, looks(built) + 1)
        until = await end_of_turn(built, "feed/helpdesk/tickets")
        await working.kill()  # and another one starts
        built.sandbox.zendesk_fault(Fault())
        await until_looks(built, before + 1)
        assert utc_now() >= until


async def test_leaves_when_the_portal_was_killed(serving: Callable[..., Served]) -> None:
    server = serving(HALLWAY_LOG_LEVEL="error")
    assert server.wait_until_open()
    others = server.processes("spawn_main") | server.processes("redis-server")
    (pid,) = server.processes("--leashed")
    os.kill(server.process.pid, signal.SIGKILL)
    try:
        last = time.monotonic() + PATIENCE
        while "--leashed" in name_of(pid):
            assert time.monotonic() < last, "it is still there"
            await asyncio.sleep(0.02)
    finally:
        for other in others:
            os.kill(other, signal.SIGKILL)
        server.process.communicate(timeout=PATIENCE)


async def end_of_turn(built: World, name: str) -> datetime:
    database = Database(load(built.environ).database_url.reveal())
    async with database.read() as session:
        until = await session.scalar(sa.select(Lease.until).where(Lease.name == name))
    await database.close()
    assert until is not None
    return until
