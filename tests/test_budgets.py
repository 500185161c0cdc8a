"""Budgets: no more calls than a vendor allows, whoever of us makes them, and pages first."""

import asyncio
import time

import httpx
import pytest
from support_redis import RedisProcess

from cache.buckets import Bucket
from cache.client import Client, connect
from connectors.addresses import AddressPolicy
from connectors.contract import Limits
from connectors.errors import RateLimited, Unavailable
from connectors.transport import counted_apart, open_client
from gateway.budgets import ALONE, BURST, SharedBudget, budget_of

LIMITS = Limits(concurrent=4, per_minute=6000, told_by=("x-remaining", "x-limit"))
ROOM = 6000 / BURST
A_SECOND = (6000 - ROOM) / 60


class Sleepless:
    """Sleeps no time at all, and adds it up. A test that it keeps from coming to its end is ended."""

    def __init__(self, most: float = 1000.0) -> None:
        self.slept = 0.0
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.slept += seconds
        assert self.slept < self._most
        await asyncio.sleep(0)


def budget(redis: Client, *, in_hurry: bool = True, sleep: Sleepless | None = None) -> SharedBudget:
    return SharedBudget(redis, "crm", LIMITS, per_minute=6000, in_hurry=in_hurry, sleep=sleep or Sleepless())


async def filled(redis: Client, tokens: float) -> Bucket:
    """A bucket that fills so slowly that no time passes in a test."""
    bucket = Bucket(redis, "slow", per_second=1e-6, room=100)
    await bucket.take()
    await redis.hset("h4:bucket:{4:slow}", "tokens", str(tokens))
    return bucket


async def test_begins_empty_and_fills_up_to_its_room(redis: Client) -> None:
    bucket = Bucket(redis, "crm", per_second=1000, room=3)
    assert await bucket.take() > 0
    await asyncio.sleep(0.05)  # fifty tokens
    assert await bucket.take() == 0
    took = [await Bucket(redis, "crm", per_second=1e-6, room=3).take() for _ in range(3)]
    assert [wait == 0 for wait in took] == [True, True, False]


async def test_is_one_for_all_processes(redis: Client, redis_url: str) -> None:
    bucket = await filled(redis, 3)
    other = connect(redis_url)
    assert await Bucket(other, "slow", per_second=1e-6, room=100).take() == 0
    assert await bucket.take() == 0
    assert await Bucket(other, "slow", per_second=1e-6, room=100).take() == 0
    assert await bucket.take() > 0
    await other.aclose()


async def test_leaves_something_for_pages(redis: Client) -> None:
    bucket = await filled(redis, 10)
    taken = 0
    while await bucket.take(leave=5) == 0:
        taken += 1
    assert taken == 5
    assert await bucket.take() == 0


async def test_never_sends_more_in_a_minute_than_it_may(redis: Client) -> None:
    began = time.monotonic()
    done = 0
    waiting = [budget(redis, in_hurry=number % 2 == 0) for number in range(4)]
    while time.monotonic() - began < 1.0:
        waits = [await each._wait() for each in waiting]
        done += sum(wait == 0 for wait in waits)
    assert done <= (time.monotonic() - began) * A_SECOND + 1


async def test_asks_nothing_of_a_bucket_that_was_lost(redis: Client) -> None:
    bucket = await filled(redis, 50)
    await redis.flushall()
    assert await bucket.take() > 0


async def test_believes_a_vendor_who_counts_more_calls_than_we_made(redis: Client) -> None:
    bucket = await filled(redis, 50)
    await bucket.tell(left=60)
    await bucket.tell(left=1)
    await bucket.tell(left=40)  # of an answer that came late
    assert await bucket.take() == 0
    assert await bucket.take() > 0


async def test_believes_a_vendor_about_a_bucket_that_was_lost(redis: Client) -> None:
    bucket = Bucket(redis, "slow", per_second=1e-6, room=3)
    assert await bucket.take() > 0
    await bucket.tell(left=70)
    took = [await bucket.take() for _ in range(4)]
    assert [wait == 0 for wait in took] == [True, True, True, False]


async def test_keeps_silent_in_all_processes_after_a_retry_after(redis: Client) -> None:
    bucket = await filled(redis, 50)
    await bucket.tell(silent=30)
    await bucket.tell(silent=10)
    assert 29 < await bucket.take() <= 30


async def test_goes_on_with_a_share_of_its_own_without_redis(redis_process: RedisProcess) -> None:
    redis, sleep = connect(redis_process.url), Sleepless()
    now = 0.0
    alone = SharedBudget(redis, "crm", LIMITS, per_minute=6000, in_hurry=True, sleep=sleep, timer=lambda: now)
    redis_process.kill()
    assert await alone._wait() == 0
    assert await alone._wait() == pytest.approx(ALONE / A_SECOND)
    now = ALONE / A_SECOND
    assert await alone._wait() == 0
    await redis.aclose()


async def test_learns_from_the_answers_of_a_client(redis: Client) -> None:
    answers = [
        httpx.Response(200, headers={"x-remaining": "2", "x-limit": "6000"}),
        httpx.Response(429, headers={"retry-after": "60"}),
    ]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    shared = budget_of(redis, "crm", LIMITS, in_hurry=True)
    client = open_client(
        "https://crm.example", policy=AddressPolicy(), transport=transport, budget=shared, sleep=Sleepless()
    )
    await client.get("/one")
    left = float(await redis.hget("h4:bucket:{3:crm}", "tokens") or 0)
    assert left < 3  # of a bucket that may have more after a second
    with pytest.raises(RateLimited):
        await client.post("/two")
    assert await Bucket(redis, "crm", per_second=A_SECOND, room=ROOM).take() > 50
    await client.aclose()


async def test_learns_nothing_from_what_is_counted_apart(redis: Client) -> None:
    answers = [
        httpx.Response(200, headers={"x-remaining": "2", "x-limit": "10"}),
        httpx.Response(429, headers={"retry-after": "60"}),
    ]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    shared = budget_of(redis, "crm", LIMITS, in_hurry=True)
    client = open_client(
        "https://crm.example", policy=AddressPolicy(), transport=transport, budget=shared, sleep=Sleepless()
    )
    await client.get("/export", extensions=counted_apart("export"))
    assert await redis.hget("h4:bucket:{3:crm}", "told") is None
    with pytest.raises(RateLimited):
        await client.post("/export", extensions=counted_apart("export"))
    assert await Bucket(redis, "crm", per_second=A_SECOND, room=ROOM).take() < 1
    await client.aclose()


async def test_sends_nothing_that_found_no_place_in_time(redis: Client) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    shared = SharedBudget(redis, "crm", LIMITS, per_minute=1, in_hurry=True)
    client = open_client(
        "https://crm.example",
        policy=AddressPolicy(),
        transport=httpx.MockTransport(answer),
        budget=shared,
        deadline=0.2,
    )
    with pytest.raises(Unavailable):
        await client.get("/")
    assert sent == []
    await client.aclose()


def test_gives_none_to_a_source_that_documents_none(redis: Client) -> None:
    assert budget_of(redis, "erp", Limits(concurrent=4), in_hurry=True) is None
