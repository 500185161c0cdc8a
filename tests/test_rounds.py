"""What is done again and again, whatever happens in between."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from gateway.records.database import DatabaseDown
from gateway.rounds import Rounds, Seldom

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


class Work:
    def __init__(self, *fates: type[Exception] | None) -> None:
        self.fates = list(fates)
        self.turns = 0
        self.was_done = asyncio.Event()
        self.has_met_its_fates = asyncio.Event()
        self.gate: asyncio.Event | None = None
        self.ended = 0

    async def __call__(self) -> None:
        self.turns += 1
        self.was_done.set()
        if self.gate:
            await self.gate.wait()
        self.ended += 1
        if not self.fates:
            self.has_met_its_fates.set()
        elif fate := self.fates.pop(0):
            raise fate


async def test_goes_on_after_a_turn_that_failed_and_tells_only_of_what_is_wrong() -> None:
    work = Work(ValueError, DatabaseDown, None)
    rounds = Rounds("work", work, every=0.0)
    with capture_logs() as logs:
        await rounds.start()
        await work.has_met_its_fates.wait()
        await rounds.finish()
    assert [(line["event"], line["what"], line["error"]) for line in logs] == [("round failed", "work", "ValueError")]


async def test_comes_sooner_when_it_is_woken() -> None:
    work = Work()
    rounds = Rounds("work", work, every=3600.0, delay=3600.0)
    await rounds.start()
    for turn in (1, 2):
        rounds.wake()
        await work.was_done.wait()
        work.was_done.clear()
        assert work.turns == turn
    await rounds.stop()


async def test_ends_after_the_turn_that_is_under_way_or_at_once() -> None:
    work = Work()
    work.gate = asyncio.Event()
    patient, hasty = Rounds("work", work, every=3600.0), Rounds("work", work, every=3600.0)
    await hasty.start()
    await work.was_done.wait()
    await hasty.stop()
    assert work.ended == 0
    work.was_done.clear()
    await patient.start()
    await work.was_done.wait()
    finishing = asyncio.create_task(patient.finish())
    await asyncio.sleep(0)
    work.gate.set()
    await finishing
    assert (work.turns, work.ended) == (2, 1)


async def test_may_be_ended_before_it_began() -> None:
    work = Work()
    rounds = Rounds("work", work, every=1.0)
    await rounds.finish()
    await rounds.stop()
    assert work.turns == 0


async def test_does_at_the_first_turn_and_then_seldom_and_again_at_the_next_what_failed() -> None:
    now, done = NOON, []
    work = Work(None, DatabaseDown)

    async def act(at: datetime) -> None:
        done.append(at)
        await work()

    seldom = Seldom(act, lambda: now, every=timedelta(hours=1))
    for minutes in (0, 59):
        now = NOON + timedelta(minutes=minutes)
        await seldom.turn()
    assert done == [NOON]
    now = later = NOON + timedelta(hours=1)
    with pytest.raises(DatabaseDown):
        await seldom.turn()
    await seldom.turn()
    await seldom.turn()
    assert done == [NOON, later, later]
