"""Redis at its worst, under load: nobody gets another's value, and nothing is lost but speed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support_redis import RedisProcess
from test_cache_snapshots import snapshots_of

from cache.client import CONNECTIONS, CacheDown, Client, Gate, connect
from cache.keys import LIFETIMES, key
from cache.snapshots import Snapshot, Snapshots

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNERS = [f"owner {n}" for n in range(50)]
NAMES = {owner: [key("list", owner, part) for part in "abc"] for owner in OWNERS}


async def get(client: Client, names: Sequence[str]) -> Sequence[object]:
    return [await client.get(name) for name in names]


async def run(client: Client, names: Sequence[str]) -> Sequence[object]:
    return [await client.run("return redis.call('GET', KEYS[1])", [name], []) for name in names]


async def look_up(client: Client, names: Sequence[str]) -> Sequence[object]:
    return await client.look_up(*names)


WAYS = (get, run, look_up)


def snapshot(owner: str, name: str) -> Snapshot:
    """A value that names its key."""
    return Snapshot(owner=owner, fetched_at=NOON, payload=name.encode())


async def fill(snapshots: Snapshots) -> None:
    for owner, names in NAMES.items():
        for name in names:
            await snapshots.put(name, snapshot(owner, name), LIFETIMES["list"])


@asynccontextmanager
async def delays(socket_path: Path, rng: random.Random) -> AsyncIterator[str]:
    """A way to Redis that takes up to 2 ms for every piece, so that a cancellation finds commands under way."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                await asyncio.sleep(rng.random() * 0.002)
                writer.write(piece)
        finally:
            writer.close()

    pumps: list[asyncio.Task[None]] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(socket_path)
        pumps.append(asyncio.create_task(pump(reader, far_writer)))
        pumps.append(asyncio.create_task(pump(far_reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        await asyncio.gather(*pumps, return_exceptions=True)


async def test_gives_nobody_a_wrong_value_however_callers_are_cancelled(
    redis: Client, shared_redis_process: RedisProcess, patience: str
) -> None:
    rng = random.Random(17)
    await fill(Snapshots(redis))
    seen = Counter[str]()

    async def read(client: Client, owner: str) -> None:
        names = rng.sample(NAMES[owner], 2)
        if rng.random() < 0.2:
            await Snapshots(client).put(names[0], snapshot(owner, names[0]), LIFETIMES["list"])
        raw = await rng.choice(WAYS)(client, names)
        for name, value in zip(names, raw, strict=True):
            seen["right" if isinstance(value, bytes) and value.endswith(name.encode()) else "wrong"] += 1

    async def impatient(client: Client) -> None:
        for _ in range(100):
            caller = asyncio.create_task(read(client, rng.choice(OWNERS)))
            enough = 0.05 if seen["right"] >= seen["cancelled"] else 0.5  # on a busy machine nobody would be served
            await asyncio.wait([caller], timeout=rng.random() * enough)
            seen["cancelled"] += caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)

    async with delays(shared_redis_process.socket_path, rng) as address:
        client = connect(f"redis://{address}{patience}")
        await asyncio.gather(*(impatient(client) for _ in range(CONNECTIONS * 4)))
        outcomes = await asyncio.gather(*(client.get(NAMES[owner][0]) for owner in OWNERS))
        await client.aclose()

    assert seen["wrong"] == 0
    assert min(seen["right"], seen["cancelled"]) > 500  # or nothing was proven
    assert None not in outcomes
    assert client._turns._value == CONNECTIONS
    assert client.connection_pool._in_use_connections == set()


async def load(snapshots: Snapshots, go_on: Callable[[], bool]) -> list[Exception]:
    """Many readers and writers, as pages are; what they get besides values and `CacheDown`."""
    strange: list[Exception] = []

    async def page(owner: str) -> None:
        while go_on():
            try:
                found = await snapshots_of(snapshots, owner, NAMES[owner])
                assert all(each is None or each.owner == owner for each in found)
                for name, each in zip(NAMES[owner], found, strict=True):
                    if each is None:
                        await snapshots.put(name, snapshot(owner, name), LIFETIMES["list"])
            except CacheDown:
                await asyncio.sleep(0.001)
            except Exception as error:  # noqa: BLE001  # the finding
                strange.append(error)
            await asyncio.sleep(0)

    await asyncio.gather(*map(page, OWNERS))
    return strange


async def flush(process: RedisProcess) -> None:
    client = connect(process.url)
    await client.flushall()
    await client.aclose()


async def hang(process: RedisProcess) -> None:
    process.pause()
    await asyncio.sleep(0.3)
    process.resume()


async def crash(process: RedisProcess) -> None:
    await asyncio.to_thread(process.restart)


async def stay_away(process: RedisProcess) -> None:
    process.kill()
    await asyncio.sleep(0.1)
    await asyncio.to_thread(process.start)


@pytest.mark.parametrize("fault", [flush, hang, crash, stay_away])
async def test_serves_on_through_every_fault_and_is_whole_again_after_it(
    fault: Callable[[RedisProcess], Awaitable[None]], redis_process: RedisProcess, patience: str
) -> None:
    client, patient = connect(redis_process.url, Gate(pause=0.05)), connect(redis_process.url + patience)
    await fill(Snapshots(patient))
    over = asyncio.Event()
    pages = asyncio.create_task(load(Snapshots(client), lambda: not over.is_set()))
    await asyncio.sleep(0.05)

    await fault(redis_process)
    await asyncio.sleep(0.1)
    over.set()
    assert await pages == []

    for owner, names in NAMES.items():
        found = await snapshots_of(Snapshots(patient), owner, names)
        assert [each and each.payload for each in found] in ([name.encode() for name in names], [None] * 3)
    await client.aclose()
    await patient.aclose()
