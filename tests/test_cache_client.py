"""The client: a Redis that is away costs a moment, once, and never an error of another kind."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NoReturn

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from structlog.testing import capture_logs
from support_clock import Timer
from support_redis import PATIENCE, RedisProcess

from cache.client import CONNECTIONS, DEADLINE, CacheDown, Client, Gate, connect


@pytest.fixture
def clock() -> Timer:
    return Timer()


@pytest_asyncio.fixture
async def client(redis_process: RedisProcess, clock: Timer) -> AsyncIterator[Client]:
    client = connect(redis_process.url, Gate(pause=1, clock=clock))
    yield client
    await client.aclose()


@pytest_asyncio.fixture
async def patient(redis_process: RedisProcess, clock: Timer, patience: str) -> AsyncIterator[Client]:
    """As `client`, for what is no matter of time."""
    client = connect(redis_process.url + patience, Gate(pause=1, clock=clock))
    yield client
    await client.aclose()


async def test_says_that_a_killed_redis_is_down_and_finds_it_again(
    redis_process: RedisProcess, patient: Client, clock: Timer
) -> None:
    await patient.set("k", "v")
    with capture_logs() as logs:
        redis_process.kill()
        for _ in range(3):
            with pytest.raises(CacheDown):
                await patient.get("k")
        assert not patient.reachable

        redis_process.start()
        clock.now += 1
        assert await patient.get("k") is None
        assert patient.reachable

    assert [entry["event"] for entry in logs] == ["redis is away", "redis is back"]


async def test_waits_for_a_hung_redis_once_and_not_at_every_step(
    redis_process: RedisProcess, client: Client, clock: Timer
) -> None:
    redis_process.pause()
    with pytest.raises(CacheDown, match="TimeoutError"):
        await client.get("k")

    for _ in range(100):  # at 150 ms each the suite would show it
        with pytest.raises(CacheDown, match="left alone"):
            await client.get("k")

    redis_process.resume()
    async with asyncio.timeout(PATIENCE):
        while not client.reachable:
            clock.now += 1
            with suppress(CacheDown):
                assert await client.get("k") is None


async def test_lets_all_who_ask_wait_for_a_hung_redis_together(redis_process: RedisProcess, client: Client) -> None:
    redis_process.pause()

    outcomes = await asyncio.gather(*(client.get("k") for _ in range(320)), return_exceptions=True)

    assert Counter(map(str, outcomes)) == {"TimeoutError": 320}


async def test_does_not_add_up_the_waits_of_those_who_wait_for_a_turn(
    redis_process: RedisProcess, client: Client
) -> None:
    library = Redis(connection_pool=client.connection_pool)

    async def get() -> None:
        async with client.asking():
            await library.get("k")

    redis_process.pause()

    outcomes = await asyncio.gather(*(get() for _ in range(CONNECTIONS * 20)), return_exceptions=True)

    assert Counter(map(str, outcomes)) == {"TimeoutError": CONNECTIONS, "left alone for a moment": CONNECTIONS * 19}


async def test_lets_one_caller_try_a_hung_redis_and_refuses_the_others(
    redis_process: RedisProcess, client: Client, clock: Timer
) -> None:
    redis_process.pause()
    with pytest.raises(CacheDown):
        await client.get("k")

    clock.now += 1
    outcomes = await asyncio.gather(*(client.get("k") for _ in range(20)), return_exceptions=True)

    assert sorted(map(str, outcomes)) == ["TimeoutError", *["left alone for a moment"] * 19]


async def test_gets_over_a_restart_between_two_commands(redis_process: RedisProcess, patient: Client) -> None:
    await asyncio.gather(*(patient.set(f"k{n}", "v") for n in range(20)))
    await asyncio.to_thread(redis_process.restart)  # the loop goes on, and learns that its connections were closed

    assert await asyncio.gather(*(patient.get(f"k{n}") for n in range(20))) == [None] * 20
    assert patient.reachable


async def test_serves_many_at_once(redis: Client) -> None:
    await redis.set("k", "v")

    values = await asyncio.gather(*(redis.get("k") for _ in range(CONNECTIONS * 20)))

    assert values == [b"v"] * CONNECTIONS * 20


async def test_sends_a_command_once_though_its_answer_is_lost() -> None:
    received: list[bytes] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = connect(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(CacheDown):
            await client.incr("counter")
        await client.aclose()

    assert [b"INCR" in command for command in received] == [True]


async def test_is_down_where_nobody_listens_and_where_nobody_accepts() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        for url in [f"redis://127.0.0.1:{port}/0", f"rediss://127.0.0.1:{port}/0", "unix:///nowhere/redis.sock"]:
            client = connect(url)
            with pytest.raises(CacheDown):
                await client.ping()
            await client.aclose()


async def test_takes_an_error_reply_for_an_answer(redis: Client) -> None:
    await redis.set("k", "no list")

    with capture_logs() as logs, pytest.raises(CacheDown) as caught:
        await redis.llen("k")

    assert isinstance(caught.value.__cause__, ResponseError)
    assert redis.reachable
    assert [entry["event"] for entry in logs] == ["redis refused a command"]


def test_refuses_pipelines_because_they_would_not_be_guarded(redis_url: str) -> None:
    with pytest.raises(NotImplementedError):
        connect(redis_url).pipeline()


def test_does_not_take_a_redis_for_away_that_answered_somebody_else_meanwhile(clock: Timer) -> None:
    gate = Gate(pause=1, clock=clock)

    def give_up_while_another_is_served() -> NoReturn:
        with gate.asking():
            clock.now += 0.1
        raise RedisConnectionError("No connection available.")

    with pytest.raises(CacheDown), gate.asking():
        give_up_while_another_is_served()

    assert gate.reachable


def test_tries_again_after_a_caller_that_was_cancelled_while_trying(clock: Timer) -> None:
    gate = Gate(pause=1, clock=clock)
    with pytest.raises(CacheDown), gate.asking():
        raise OSError
    clock.now += 1
    with pytest.raises(asyncio.CancelledError), gate.asking():
        raise asyncio.CancelledError
    assert not gate.reachable

    clock.now += 1
    with gate.asking():
        pass
    assert gate.reachable


def test_lets_other_errors_through_as_they_are(clock: Timer) -> None:
    gate = Gate(pause=1, clock=clock)
    with pytest.raises(ZeroDivisionError), gate.asking():
        raise ZeroDivisionError

    assert gate.reachable


async def test_never_loses_a_cancel(redis: Client) -> None:
    """The library may swallow one, as `asyncio.wait_for` does before Python 3.12 for what ends in the same moment."""

    async def swallow() -> None:
        async with redis.asking():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(10)

    task = asyncio.ensure_future(swallow())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(CacheDown):
        await swallow()  # ends by its deadline, which is a cancel too


async def test_waits_longer_where_nobody_waits_for_it(redis_process: RedisProcess) -> None:
    """A Redis that is stopped for longer than a page would wait."""
    patient = connect(redis_process.url, patience=PATIENCE)
    await patient.set("key", "value")
    redis_process.pause()
    asked = asyncio.ensure_future(patient.get("key"))
    await asyncio.sleep(3 * DEADLINE)
    redis_process.resume()
    assert await asked == b"value"
    await patient.aclose()
