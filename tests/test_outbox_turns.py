"""Who tries what, and when: nobody takes anything from a process that is at it, and no source waits for another."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_feeds import FixedOffices, shuffled
from support_feeds import Ticking as Clock
from support_outbox import ASKED, FOUND_WITHIN, LINK, FarEnd, World, scope

from connectors.actions import Done, NewTicket
from connectors.contract import BackOffice
from connectors.errors import AccessDenied, ConnectorError, NotSent, Unavailable
from gateway.access import LinkRef
from gateway.offices import Office, Offices
from gateway.outbox import sending
from gateway.outbox.sending import AT_ONCE
from gateway.outbox.states import PAUSES
from gateway.outbox.steps import Happening
from gateway.outbox.turns import LASTS, WITHIN, Try, Turns
from gateway.records.database import Database, DatabaseDown
from gateway.records.outbox_tables import OutboxRow

SECOND = timedelta(seconds=1)
TEN_MINUTES, AN_HOUR = timedelta(minutes=10), timedelta(hours=1)
SHOP = LinkRef("shop", "7")


class SlowEnd(FarEnd):
    """Does what it is asked at once, lets nobody know for as long as its gate is shut, and finds it some time after."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.gate = asyncio.Event()
        self.asked_now = asyncio.Event()
        self.shown_at: dict[str, Any] = {}
        self.shown_after = timedelta(0)

    async def do(self, opened: BackOffice[Any], asked: NewTicket) -> Done:
        self.asked_now.set()
        await self.gate.wait()
        self.shown_at.setdefault(asked.reference, self.clock.now + self.shown_after)
        return await super().do(opened, asked)

    async def find(self, opened: BackOffice[Any], asked: NewTicket) -> Done | None:
        is_shown = asked.reference in self.shown_at and self.clock.now >= self.shown_at[asked.reference]
        return await super().find(opened, asked) if is_shown else None


@pytest.fixture
def slow(far_end: FarEnd, clock: Clock) -> SlowEnd:
    """One at which the accounts of `far_end` are customers."""
    return SlowEnd(clock)


@pytest.mark.parametrize("skew", [-AN_HOUR, -TEN_MINUTES, TEN_MINUTES, AN_HOUR], ids=str)
@pytest.mark.parametrize("how", ["key", "find", "neither"])
async def test_takes_nothing_from_who_is_at_it_because_a_clock_is_wrong(
    database: Database, slow: SlowEnd, clock: Clock, skew: timedelta, how: str
) -> None:
    one, other = World(database, slow, how, clock), World(database, slow, how, clock)
    other.skew = skew
    reference = await one.hand_in()
    working = asyncio.create_task(one.sending.work())
    await slow.asked_now.wait()
    for _ in range(int(WITHIN.total_seconds())):
        assert await other.sending.work() == 0
        clock.now += SECOND
    slow.gate.set()
    assert await working == 1
    assert (await one.state(), slow.made) == ("sent", Counter([reference]))


@pytest.mark.parametrize("skew", [-TEN_MINUTES, timedelta(0), TEN_MINUTES], ids=str)
async def test_succeeds_one_that_died(database: Database, slow: SlowEnd, clock: Clock, skew: timedelta) -> None:
    one, other = World(database, slow, "find", clock), World(database, slow, "find", clock)
    other.skew = skew
    reference = await one.hand_in()
    assert len(await one.sending._turns.take("desk", 1)) == 1
    slow.gate.set()
    took = 0
    while not await other.sending.work():
        clock.now += SECOND
        took += 1
    assert (took, slow.made) == (LASTS.total_seconds(), Counter([reference]))


async def test_is_succeeded_once(database: Database, far_end: FarEnd, clock: Clock) -> None:
    one, *others = (World(database, far_end, "find", clock) for _ in range(3))
    await one.hand_in()
    await one.sending._turns.take("desk", 1)
    for _ in range(2):
        for other in others:
            await other.sending._turns.look()
        clock.now += LASTS
    taken = [await other.sending._turns.take("desk", 1) for other in others]
    assert list(map(len, taken)) == [1, 0]


async def test_finds_what_went_out_at_the_last_moment(
    database: Database, slow: SlowEnd, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who sent it dies before it has noted so."""
    slow.shown_after = FOUND_WITHIN
    one, other = World(database, slow, "find", clock), World(database, slow, "find", clock)
    reference = await one.hand_in()
    working = asyncio.create_task(one.sending.work())
    await slow.asked_now.wait()
    await other.sending.work()
    clock.now += WITHIN

    async def end(*_: object, **__: object) -> None:
        raise DatabaseDown("gone")

    monkeypatch.setattr(one.sending, "_end", end)
    slow.gate.set()
    await working
    for _ in range(60):
        clock.now += SECOND
        await other.sending.work()
    assert (await other.state(), slow.made) == ("sent", Counter([reference]))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("how", ["key", "find", "neither"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_does_everything_once_whatever_the_clocks_say(
    database: Database, far_end: FarEnd, clock: Clock, seed: int, how: str
) -> None:
    """Three processes whose clocks differ, step back by an hour and forward again; answers are lost, calls are slow."""
    rng = shuffled(seed)
    end = SlowEnd(clock)
    end.shown_after = FOUND_WITHIN - SECOND
    worlds = [World(database, end, how, clock) for _ in range(3)]
    for box, skew in zip(worlds, (-TEN_MINUTES, timedelta(0), TEN_MINUTES), strict=True):
        box.skew = skew
    chances: list[BaseException | None] = [None] * 3 + [Unavailable("lost")]
    running: set[asyncio.Task[int]] = set()
    for number in range(40):
        if number < 12:
            await rng.choice(worlds).hand_in(str(number))
        end.loses = [rng.choice(chances) for _ in range(3)]
        end.gate.clear()
        running = {asyncio.create_task(box.sending.work()) for box in worlds}
        for _ in range(20):
            await asyncio.sleep(0.001)
        if rng.random() < 0.2:
            rng.choice(worlds).skew += rng.choice([-AN_HOUR, AN_HOUR])
        clock.now += timedelta(seconds=rng.choice([0, 1, 20]))
        end.gate.set()
        await asyncio.gather(*running)
        clock.now += timedelta(seconds=rng.choice([1, 15, 40]))
    end.loses = []
    for box in worlds:
        box.skew = timedelta(0)
    for _ in range(3):
        await worlds[0].work_for(16)
    handed = {each.reference: each for each in await worlds[0].desk.of(scope())}
    assert len(handed) == 12
    assert max(end.made.values()) == 1
    assert {each.state for each in handed.values()} <= ({"sent"} if how == "find" else {"sent", "unknown"})


async def test_sends_nothing_after_its_time_when_it_was_held_up(
    database: Database, far_end: FarEnd, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has noted that it begins, and then the machine stops it for so long that another one may have taken over."""
    one, other = World(database, far_end, "find", clock), World(database, far_end, "find", clock)
    reference = await one.hand_in()
    real = Turns.note

    async def note(self: Turns, each: Try, values: dict[str, Any], happened: Happening | None = None) -> bool:
        noted = await real(self, each, values, happened)
        if self is one.sending._turns and "tried_at" in values:
            monkeypatch.undo()
            for _ in range(200):
                await other.sending.work()
                clock.now += SECOND
        return noted

    monkeypatch.setattr(Turns, "note", note)
    await one.sending.work()
    assert far_end.made == Counter([reference])
    assert far_end.asked == 1


async def test_ends_a_try_that_takes_too_long(
    database: Database, slow: SlowEnd, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = World(database, slow, "find", clock)
    await box.hand_in()
    monkeypatch.setattr(sending, "WITHIN", timedelta(seconds=0.01))
    await box.sending.work()
    monkeypatch.undo()
    assert await _row(database) == ("waiting", 1, True)
    slow.gate.set()
    await box.work_for()
    assert (await box.state(), max(slow.made.values())) == ("sent", 1)


async def test_notes_what_was_done_as_soon_as_the_database_lets_it(
    database: Database, far_end: FarEnd, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody could say of an action that cannot be looked for whether it was done."""
    box = World(database, far_end, "neither", clock)
    await box.hand_in()
    real, fails = Turns.note, 3

    async def note(self: Turns, each: Try, values: dict[str, Any], happened: Happening | None = None) -> bool:
        nonlocal fails
        if "done_at" in values and fails:
            fails -= 1
            raise DatabaseDown("locked")
        return await real(self, each, values, happened)

    monkeypatch.setattr(Turns, "note", note)
    monkeypatch.setattr(sending, "NOTE_EVERY", 0)
    await box.sending.work()
    assert (await box.state(), fails) == ("sent", 0)


@pytest.mark.parametrize("error", [NotSent("closed"), AccessDenied("401")])
async def test_lets_no_source_wait_for_one_that_is_away(
    database: Database, far_end: FarEnd, clock: Clock, error: ConnectorError
) -> None:
    away = FarEnd()
    away.ends = [error] * 1000
    box = World(database, far_end, "find", clock, away.office("find", "shop"))
    await _hand_in_many(box, 200)
    await box.hand_in("last")
    await box.sending.start()
    await _until(lambda: far_end.asked and away.asked)
    assert away.asked <= 5 * AT_ONCE  # it is left alone
    await box.sending.aclose()
    assert sum(far_end.made.values()) == 1


async def test_lets_no_source_wait_for_one_that_is_slow(database: Database, far_end: FarEnd, clock: Clock) -> None:
    slow = SlowEnd(clock)
    box = World(database, far_end, "find", clock, slow.office("find", "shop"))
    await _hand_in_many(box, 20)
    await box.sending.start()
    await slow.asked_now.wait()
    for number in range(5):
        await box.hand_in(f"later {number}")
    await _until(lambda: far_end.asked == 5)
    assert slow.made.total() == 0
    slow.gate.set()
    await _until(lambda: slow.made.total() == 20)
    await box.sending.aclose()


async def test_ends_a_search_that_never_works(
    database: Database, far_end: FarEnd, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def find(_: BackOffice[Any], __: NewTicket) -> Done | None:
        nonlocal asked
        asked += 1
        raise AccessDenied("no search")

    monkeypatch.setattr(far_end, "find", find)
    box = World(database, far_end, "find", clock)
    far_end.loses = [Unavailable("lost")]
    await box.hand_in()
    await box.work_for(72)
    assert (await box.state(), asked) == ("needs_staff", len(PAUSES))


async def test_ends_what_our_own_mistake_breaks(database: Database, far_end: FarEnd, clock: Clock) -> None:
    far_end.ends = [TypeError("a mistake")] * 100
    box = World(database, far_end, "find", clock)
    await box.hand_in()
    await box.work_for(72)
    assert (await box.state(), far_end.asked) == ("needs_staff", len(PAUSES) + 1)


async def test_lets_nothing_wait_for_what_cannot_be_read(database: Database, far_end: FarEnd, clock: Clock) -> None:
    box = World(database, far_end, "find", clock)
    await box.hand_in("unreadable")
    await box.hand_in("of a later version")
    await box.hand_in("whole")
    async with database.write() as session:
        for nonce, values in (
            ("unreadable", {"asked": {"subject": 1}}),
            ("of a later version", {"action": "dance"}),
        ):
            await session.execute(sa.update(OutboxRow).where(OutboxRow.nonce == nonce).values(**values))
    for _ in range(3):
        await box.sending.work()
    async with database.read() as session:
        rows = (await session.execute(sa.select(OutboxRow.nonce, OutboxRow.state))).all()
    states = {row.nonce: row.state for row in rows}
    assert states == {"unreadable": "needs_staff", "of a later version": "waiting", "whole": "sent"}


@pytest.mark.parametrize("how", ["key", "find", "neither"])
async def test_waits_for_a_source_whose_settings_are_to_be_mended(
    database: Database, far_end: FarEnd, clock: Clock, how: str
) -> None:
    """Nothing has gone out, so nothing is in doubt."""
    broken = World(database, far_end, how, clock)
    broken.sending._offices = _broken(far_end.office(how))
    await broken.hand_in()
    await broken.sending.work()
    assert await _row(database) == ("waiting", 1, False)
    box = World(database, far_end, how, clock)
    await box.work_for(1)
    assert await box.state() == "sent"


def _broken(office: Office) -> Offices:
    return cast("Offices", FixedOffices(replace(office, opened=None, broken="no key")))


async def _hand_in_many(box: World, many: int) -> None:
    both = replace(scope(), links=(LINK, SHOP))
    await asyncio.gather(*(box.desk.take(both, SHOP, "new_ticket", ASKED, f"n{number}") for number in range(many)))
    box.clock.now += SECOND


async def _row(database: Database) -> tuple[str, int, bool]:
    """Give the state of the only row, how often it was tried, and whether that may have worked."""
    async with database.read() as session:
        row = (await session.scalars(sa.select(OutboxRow))).one()
    return row.state, row.tries, row.in_doubt_since is not None


async def _until(holds: Any) -> None:
    while not holds():  # noqa: ASYNC110  # it changes elsewhere
        await asyncio.sleep(0.01)
