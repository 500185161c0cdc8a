"""Feeds: what is kept follows the back office, says how far, and is never believed beyond that."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random

import pytest
from structlog.testing import capture_logs
from support_feeds import DAY, EVERY, START, Ledger, Process, Ticking, link, process, shuffled
from support_redis import RedisProcess

from cache.client import Client, connect
from cache.marks import Marks
from connectors.errors import AccessDenied, RateLimited, Refused, Unavailable
from gateway.checked import mark_of
from gateway.feeds.overview import Agreement, overview
from gateway.feeds.rows import CHECKPOINT_EVERY
from gateway.leases import take_lease
from gateway.pull import Known, Pull, pull
from gateway.records.database import Database

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def ledger(clock: Ticking) -> Ledger:
    return Ledger(clock)


@pytest.fixture
async def here(database: Database, redis: Client, ledger: Ledger, clock: Ticking) -> AsyncIterator[Process]:
    await link(database, "7", "8")
    async with process(database, redis, ledger.office(), clock) as made:
        yield made


async def view(here: Process, customer: str) -> None:
    """Look at a page, for which the list is read."""
    await here.supply.serve([here.want(customer)], asyncio.get_running_loop().time() + 2)


async def look(here: Process, clock: Ticking) -> None:
    clock.now += EVERY
    assert await here.following.look("ledger", "invoices")


async def test_follows_what_is_made_changed_and_deleted(here: Process, ledger: Ledger, clock: Ticking) -> None:
    ledger.put("1", "7", 10)
    ledger.put("2", "7", 20)
    await look(here, clock)
    await view(here, "7")
    ledger.put("1", "7", 11)
    ledger.delete("2")
    ledger.put("3", "7", 30)
    ledger.put("4", "9", 99)  # nobody's here
    asked = len(ledger.asked)
    await look(here, clock)
    assert await here.amounts("7") == {"1": 11, "3": 30}
    assert set(ledger.asked[asked:]) == {"changes"}


async def test_vouches_for_what_was_read_since_it_began(here: Process, ledger: Ledger, clock: Ticking) -> None:
    ledger.put("1", "7", 10)
    await view(here, "7")  # before
    await look(here, clock)
    assert await here.as_of("7") == START
    clock.now += timedelta(minutes=10)
    await view(here, "7")
    for _ in range(20):
        clock.now += MINUTE
        await look(here, clock)
    asked = len(ledger.asked)
    assert await here.as_of("7") == clock.now
    await view(here, "7")
    assert ledger.asked[asked:] == []  # a page asks nobody


async def test_is_as_old_as_the_last_look_that_came_to_its_end(here: Process, ledger: Ledger, clock: Ticking) -> None:
    await look(here, clock)
    await view(here, "7")
    await look(here, clock)
    until = clock.now
    ledger.fails, ledger.fails_after = Unavailable("away"), 1
    for number in range(7):
        ledger.put(str(number), "7", number)
    await look(here, clock)  # one page, and then the token dies
    began = clock.now
    assert await here.as_of("7") == until
    assert len(await here.amounts("7") or ()) == 3
    ledger.fails, ledger.fails_after = None, None
    await look(here, clock)
    assert await here.amounts("7") == ledger.of("7")
    assert await here.as_of("7") == began  # what has changed since may lie before the page that came then
    await look(here, clock)
    assert await here.as_of("7") == clock.now


async def test_counts_the_lag_of_a_source(database: Database, redis: Client, ledger: Ledger, clock: Ticking) -> None:
    await link(database, "7")
    async with process(database, redis, ledger.office(lag=timedelta(seconds=9)), clock) as here:
        await look(here, clock)
        await view(here, "7")
        clock.now += MINUTE
        await look(here, clock)
        assert await here.as_of("7") == clock.now - timedelta(seconds=9)


async def test_reads_a_list_again_for_what_the_feed_does_not_tell(
    database: Database, redis: Client, ledger: Ledger, clock: Ticking
) -> None:
    await link(database, "7")
    async with process(database, redis, ledger.office(whole_every=5 * MINUTE), clock) as here:
        await look(here, clock)
        await view(here, "7")
        read_at = clock.now
        for _ in range(10):
            clock.now += MINUTE
            await look(here, clock)
        assert await here.as_of("7") == read_at + 5 * MINUTE
        await view(here, "7")
        assert await here.as_of("7") == clock.now


async def test_takes_a_record_from_whom_it_belongs_to_no_longer(here: Process, ledger: Ledger, clock: Ticking) -> None:
    ledger.put("1", "7", 10)
    await look(here, clock)
    await view(here, "7")
    await view(here, "8")
    ledger.put("1", "8", 10)
    await look(here, clock)
    assert (await here.amounts("7"), await here.amounts("8")) == ({}, {"1": 10})
    ledger.put("1", "9", 10)  # nobody's here
    await look(here, clock)
    assert (await here.amounts("7"), await here.amounts("8")) == ({}, {})


async def test_loses_no_change_while_a_list_is_being_read(here: Process, ledger: Ledger, clock: Ticking) -> None:
    """The list was asked for before a change, and is stored after the feed has told of it."""
    ledger.put("1", "7", 10)
    ledger.put("2", "7", 20)
    await look(here, clock)
    want = here.want("7")
    before = await pull(want, clock.now)
    clock.now += EVERY
    ledger.put("1", "7", 11)
    ledger.delete("2")
    await look(here, clock)
    assert await here.amounts("7") is None  # changes alone are no list
    await here.kept.put(want, before, None)
    assert await here.amounts("7") == {"1": 11}


async def test_stores_nothing_of_customers_that_nobody_is_linked_to(
    here: Process, ledger: Ledger, redis: Client, clock: Ticking
) -> None:
    ledger.put("1", "9", 10)
    await look(here, clock)
    keys = [key async for key in redis.scan_iter("*")]
    assert keys == [mark_of(ledger.office(), "invoices").encode()]


async def test_brings_the_same_in_again_without_a_change(here: Process, ledger: Ledger, clock: Ticking) -> None:
    ledger.overlap = 2
    await look(here, clock)
    await view(here, "7")
    ledger.put("1", "7", 10)
    ledger.delete("1")
    ledger.put("2", "7", 20)
    await look(here, clock)
    before = (await here.kept.read([here.want("7")])).version
    await look(here, clock)
    assert (await here.kept.read([here.want("7")])).version == before


async def test_is_not_followed_by_two_at_once(here: Process, database: Database, clock: Ticking) -> None:
    clock.now += EVERY
    taken = await take_lease(database, "feed/ledger/invoices", clock.now, every=EVERY, lasts=MINUTE)
    assert taken is not None
    assert not await here.following.look("ledger", "invoices")
    clock.now += MINUTE  # it died
    assert await here.following.look("ledger", "invoices")
    assert not await here.following.look("ledger", "invoices")  # not due


async def test_says_once_that_a_feed_is_away_and_once_that_it_is_back(
    here: Process, ledger: Ledger, clock: Ticking
) -> None:
    ledger.fails = AccessDenied("no")
    with capture_logs() as logs:
        for _ in range(3):
            await look(here, clock)
        ledger.fails = None
        for _ in range(3):
            await look(here, clock)
    assert [line["event"] for line in logs] == ["feed away", "feed is back"]


async def test_begins_anew_where_they_know_the_place_no_more(here: Process, ledger: Ledger, clock: Ticking) -> None:
    await look(here, clock)
    await view(here, "7")
    ledger.fails = Refused("no such cursor")
    await look(here, clock)
    read_at = clock.now - EVERY
    assert await here.as_of("7") == read_at
    ledger.fails = None
    ledger.put("1", "7", 10)
    await look(here, clock)
    assert await here.as_of("7") == read_at  # it was read before the feed began again
    assert await here.amounts("7") == {"1": 10}


async def test_goes_on_after_it_was_told_to_wait(here: Process, ledger: Ledger, clock: Ticking) -> None:
    await look(here, clock)
    await view(here, "7")
    for number in range(7):
        ledger.put(str(number), "7", number)
    ledger.fails, ledger.fails_after = RateLimited("wait", retry_after=5), 1
    with capture_logs() as logs:
        await look(here, clock)
        ledger.fails, ledger.fails_after = None, None
        await look(here, clock)
    assert await here.amounts("7") == ledger.of("7")
    assert [line["event"] for line in logs] == ["feed told to wait"]


async def test_believes_nothing_after_redis_began_anew_until_it_was_replayed(
    database: Database, redis_process: RedisProcess, ledger: Ledger, clock: Ticking
) -> None:
    """Redis comes back with what it had a moment before: the last writes are lost, the mark says otherwise."""
    await link(database, "7")
    redis = connect(redis_process.url)
    async with process(database, redis, ledger.office(), clock) as here:
        await look(here, clock)
        await view(here, "7")
        began = clock.now
        await look(here, clock)
        clock.now += CHECKPOINT_EVERY
        await look(here, clock)
        lost = await redis.dump(here.want("7").key)
        ledger.put("1", "7", 10)
        clock.now += MINUTE
        await look(here, clock)
        mark = await redis.dump(mark_of(ledger.office(), "invoices"))
        redis_process.kill()
        redis_process.start()
    await redis.aclose()
    redis = connect(redis_process.url)
    await redis.restore(here.want("7").key, 0, lost or b"")
    await redis.restore(mark_of(ledger.office(), "invoices"), 0, mark or b"")
    async with process(database, redis, ledger.office(), clock) as here:
        assert await here.as_of("7") == began  # nobody vouches for it
        await look(here, clock)
        assert await here.as_of("7") == clock.now
        assert await here.amounts("7") == {"1": 10}
    await redis.aclose()


async def test_begins_anew_after_a_flush(here: Process, ledger: Ledger, redis: Client, clock: Ticking) -> None:
    ledger.put("1", "7", 10)
    await look(here, clock)
    await view(here, "7")
    await redis.flushall()
    assert await here.known("7") is None
    ledger.put("1", "7", 11)
    await look(here, clock)
    await view(here, "7")
    await look(here, clock)
    assert await here.amounts("7") == {"1": 11}
    assert await here.as_of("7") == clock.now


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_ends_in_the_state_of_the_source_whatever_comes_when(
    database: Database, redis: Client, ledger: Ledger, clock: Ticking, seed: int
) -> None:
    """Changes, deletions and moves; looks that fail, and changes that come twice; lists that are asked for and come
    late; events and flushes: in any order. Ten histories a seed.
    """
    rng = shuffled(seed)
    await link(database, "7", "8")
    async with process(database, redis, ledger.office(), clock) as here:
        right = 0
        for _ in range(10):
            history = History(rng, here, ledger, redis, clock)
            for _ in range(rng.randrange(5, 25)):
                await history.step()
            await history.end()
            for customer in ("7", "8"):
                if await here.as_of(customer) == clock.now:
                    assert await here.amounts(customer) == ledger.of(customer)
                    right += 1
            await view(here, "7")
        assert right > 0


class History:
    """One thing after the other, as chance has it."""

    def __init__(self, rng: Random, here: Process, ledger: Ledger, redis: Client, clock: Ticking) -> None:
        self._rng = rng
        self._here = here
        self._ledger = ledger
        self._redis = redis
        self._clock = clock
        self._under_way: list[tuple[Pull, Known, Known | None]] = []

    async def step(self) -> None:
        self._clock.now += timedelta(seconds=self._rng.choice([0, 1, 5, 15]))
        steps = [self._put] * 3 + [self._delete, self._look, self._look, self._view, self._ask, self._answer]
        await self._rng.choice([*steps, self._event, self._flush])()

    async def end(self) -> None:
        """All lists have come, and the feed is at its end."""
        while self._under_way:
            await self._answer()
        self._ledger.overlap = 0
        self._clock.now += MINUTE
        await look(self._here, self._clock)

    async def _put(self) -> None:
        self._ledger.put(str(self._rng.randrange(8)), self._rng.choice("789"), self._rng.randrange(1000))

    async def _delete(self) -> None:
        if self._ledger.held:
            self._ledger.delete(self._rng.choice(list(self._ledger.held)))

    async def _look(self) -> None:
        self._ledger.overlap, self._ledger.page = self._rng.randrange(4), self._rng.randrange(1, 5)
        if self._rng.random() < 0.3:
            self._ledger.fails, self._ledger.fails_after = Unavailable("away"), self._rng.randrange(3)
        await self._here.following.look("ledger", "invoices")
        self._ledger.fails, self._ledger.fails_after = None, None

    async def _view(self) -> None:
        await view(self._here, self._rng.choice("78"))

    async def _ask(self) -> None:
        want = self._here.want(self._rng.choice("78"))
        (have,) = (await self._here.kept.read([want])).known
        self._under_way.append((want, await pull(want, self._clock.now), have))

    async def _answer(self) -> None:
        if self._under_way:
            await self._here.kept.put(*self._under_way.pop(self._rng.randrange(len(self._under_way))))

    async def _event(self) -> None:
        await self._here.supply.look_again(self._here.want(self._rng.choice("78")), self._clock.now)

    async def _flush(self) -> None:
        if self._rng.random() < 0.2:  # seldom
            await self._redis.flushall()
            self._under_way.clear()


async def test_sweeps_all_links_and_says_how_far_it_is(here: Process, ledger: Ledger, clock: Ticking) -> None:
    ledger.put("1", "7", 10)
    assert await here.sweeping.sweep("ledger")
    assert await here.amounts("7") == {"1": 10}
    assert await here.amounts("8") == {}
    assert not await here.sweeping.sweep("ledger")
    clock.now += DAY
    assert await here.sweeping.sweep("ledger")


async def test_leaves_what_is_kept_when_a_sweep_fails(here: Process, ledger: Ledger, clock: Ticking) -> None:
    ledger.put("1", "7", 10)
    await here.sweeping.sweep("ledger")
    clock.now += DAY
    ledger.fails = Unavailable("away")
    assert not await here.sweeping.sweep("ledger")
    assert await here.amounts("7") == {"1": 10}
    ledger.fails = None
    assert await here.sweeping.sweep("ledger")


async def test_finds_and_mends_what_a_feed_did_not_tell(here: Process, ledger: Ledger, clock: Ticking) -> None:
    for number in range(5):
        ledger.put(str(number), "7", number)
    await look(here, clock)
    await here.sweeping.sweep("ledger")
    clock.now += timedelta(hours=1)
    await look(here, clock)
    del ledger.held["3"]  # without a word
    clock.now += DAY - timedelta(hours=2)
    await look(here, clock)
    clock.now += timedelta(hours=2)
    with capture_logs() as logs:
        await here.sweeping.sweep("ledger")
    (told,) = [line for line in logs if line["event"] == "kept records differed"]
    assert told["ids"] == ["3"]
    (swept,) = [line for line in logs if line["event"] == "swept"]
    assert swept["compared"] == {"invoices:read": 4, "invoices:agreed": 4, "invoices:differing": 1}
    assert await here.amounts("7") == ledger.of("7")


async def test_shows_what_it_followed_at_once_where_only_deletions_are_not_told(
    database: Database, redis: Client, ledger: Ledger, clock: Ticking
) -> None:
    """A page shows it, dated as old as it may be, while the list is read as a whole."""
    await link(database, "7")
    for tells_owners in (True, False):
        office = ledger.office(whole_every=5 * MINUTE, tells_owners=tells_owners)
        async with process(database, redis, office, clock) as here:
            await look(here, clock)
            await view(here, "7")
            for _ in range(20):
                clock.now += MINUTE
                await look(here, clock)
            ledger.gate = asyncio.Event()
            until = asyncio.get_running_loop().time() + 0.5
            _, (supplied,) = await here.supply.serve([here.want("7")], until)
            waited = asyncio.get_running_loop().time() >= until
            assert (supplied.state, waited) == ("late", not tells_owners)
            ledger.gate.set()
            ledger.gate = None


async def test_tells_staff_how_far_it_is(
    database: Database, redis: Client, here: Process, ledger: Ledger, clock: Ticking
) -> None:
    for number in range(3):
        ledger.put(str(number), "7", number)
    await look(here, clock)
    await here.sweeping.sweep("ledger")
    ledger.fails = Unavailable("away")
    await look(here, clock)
    (source,) = await overview(database, here.offices, Marks(redis), clock.now)
    (followed,) = source.kinds
    assert (followed.kind, followed.checked_at) == ("invoices", clock.now - EVERY)
    assert (followed.failing_since, followed.error) == (clock.now, "Unavailable: away")
    assert not followed.is_late(clock.now)
    assert followed.is_late(clock.now + MINUTE)
    assert source.sweep
    assert (source.sweep.done, source.sweep.total, source.sweep.remaining) == (2, 2, None)
    ledger.fails = None
    clock.now += DAY
    await look(here, clock)
    await here.sweeping.sweep("ledger")
    (source,) = await overview(database, here.offices, Marks(redis), clock.now)
    assert source.sweep
    assert source.sweep.agreement["invoices"] == Agreement(3, 0)
    assert source.sweep.agreement["invoices"].rate == 1
    assert source.sweep.agreement["tickets"].rate is None
