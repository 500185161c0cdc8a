"""What is announced in Redis reaches those who follow it, and who may have missed something is told to look."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support_redis import RedisProcess
from test_cache_line import redis_that_says

from cache.client import Client, Gate, connect
from cache.live import Follower, Live

PATIENCE = 10.0  # seconds
QUIET = 0.1
LOOK = None  # what is told instead of a message, when one may have been missed


@pytest_asyncio.fixture
async def live(redis: Client) -> AsyncIterator[Live]:
    made = Live(redis)
    yield made
    await made.aclose()


async def told(follower: Follower, seconds: float = PATIENCE) -> dict[str, bytes | None]:
    return await follower.wait(asyncio.get_running_loop().time() + seconds)


async def test_tells_to_look_first_and_then_of_what_is_announced(live: Live, redis: Client) -> None:
    with live.following("a", "b") as follower:
        seen = await told(follower)
        while seen.keys() != {"a", "b"}:
            seen |= await told(follower)
        assert seen == {"a": LOOK, "b": LOOK}
        await redis.publish("b", "1")
        assert await told(follower) == {"b": b"1"}


async def test_tells_nobody_of_what_others_follow(live: Live, redis: Client) -> None:
    with live.following("a") as ann, live.following("b") as bob:
        assert await told(ann) == {"a": LOOK}
        assert await told(bob) == {"b": LOOK}
        for _ in range(20):
            await redis.publish("b", "1")
        assert await told(bob) == {"b": b"1"}
        assert await told(ann, QUIET) == {}


async def test_keeps_only_the_latest_for_who_is_busy(live: Live, redis: Client) -> None:
    with live.following("a") as busy, live.following("a") as other:
        await told(busy)
        await told(other)
        for number in range(1000):
            await redis.publish("a", number)
        while await told(other) != {"a": b"999"}:
            pass
        assert await told(busy) == {"a": b"999"}
        assert await told(busy, QUIET) == {}


async def test_tells_who_comes_later_to_look_though_nothing_is_announced(live: Live) -> None:
    with live.following("a") as first:
        await told(first)
        with live.following("a") as second:
            assert await told(second) == {"a": LOOK}
        assert await told(first, QUIET) == {}


async def test_follows_nothing_any_more_when_all_have_gone(live: Live, redis: Client) -> None:
    with live.following("a", "b") as first:
        await told(first)
        with live.following("b", "c") as second:
            await told(second)
        await until_followed(redis, {b"a", b"b"})
    await until_followed(redis, set())
    with live.following("a") as again:
        assert await told(again) == {"a": LOOK}
        await redis.publish("a", "1")
        assert await told(again) == {"a": b"1"}
    assert live._followers == {}


async def test_tells_to_look_after_redis_has_come_back(redis_process: RedisProcess, patience: str) -> None:
    redis = connect(redis_process.url + patience, Gate(pause=0.05))
    live = Live(redis)
    with live.following("a") as follower:
        assert await told(follower) == {"a": LOOK}
        redis_process.kill()
        assert await told(follower, QUIET) == {}
        redis_process.start()
        assert await told(follower) == {"a": LOOK}
        await redis.publish("a", "1")
        assert await told(follower) == {"a": b"1"}
    await live.aclose()
    await redis.aclose()


async def test_waits_for_a_redis_that_is_not_there_yet(redis_process: RedisProcess, patience: str) -> None:
    redis_process.kill()
    redis = connect(redis_process.url + patience, Gate(pause=0.05))
    live = Live(redis)
    with live.following("a") as follower:
        assert await told(follower, QUIET) == {}
        redis_process.start()
        assert await told(follower) == {"a": LOOK}
    await live.aclose()
    await redis.aclose()


async def test_leaves_a_connection_on_which_nothing_comes_any_more(
    redis_process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache.ear.ASK_EVERY", 0.05)
    monkeypatch.setattr("cache.ear.SILENT_WITHIN", 0.2)
    monkeypatch.setattr("cache.live.PAUSE", 0.05)
    redis = connect(redis_process.url, Gate(pause=0.05))
    live = Live(redis)
    with live.following("a") as follower:
        assert await told(follower) == {"a": LOOK}
        redis_process.pause()
        while live._ear:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        redis_process.resume()
        assert await told(follower) == {"a": LOOK}
    await live.aclose()
    await redis.aclose()


@pytest.mark.parametrize("strange", [b"what?\r\n", b"-ERR no\r\n", b"*1\r\n$3\r\none\r\n", b":1\r\n"])
async def test_ends_a_connection_on_which_something_else_is_said(strange: bytes) -> None:
    subscribed = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    async with redis_that_says([strange], [subscribed]) as redis:
        live = Live(redis)
        with live.following("a") as follower:
            assert await told(follower) == {"a": LOOK}
        await live.aclose()


async def until_followed(redis: Client, channels: set[bytes]) -> None:
    async with asyncio.timeout(PATIENCE):
        while set(await redis.pubsub_channels()) != channels:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
