"""Snapshots: the right one, the newest one, or none."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from support_redis import RedisProcess

from cache.client import CacheDown, Client, connect
from cache.keys import LIFETIMES, key
from cache.snapshots import DIGITS, HEAD, Snapshot, Snapshots, _read, _write, version_of

T = TypeVar("T")

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
TTL = LIFETIMES["list"]
INVOICES = key("list", "acme", "erp", "invoices")
ORDERS = key("list", "acme", "erp", "orders")


def snapshot(payload: bytes = b"\x00records\xff", *, owner: str = "acme", at: datetime = NOON) -> Snapshot:
    return Snapshot(owner=owner, fetched_at=at, payload=payload)


async def snapshots_of(snapshots: Snapshots, owner: str, keys: Sequence[str]) -> list[Snapshot | None]:
    return [each.snapshot for each in (await snapshots.get_versioned(owner, keys)).stored]


async def first(many: int, messages: AsyncIterator[T]) -> AsyncIterator[T]:
    for _ in range(many):
        yield await anext(messages)


@pytest.fixture
def snapshots(redis: Client) -> Snapshots:
    return Snapshots(redis)


async def test_gives_back_what_was_put_in_the_order_asked_for(snapshots: Snapshots) -> None:
    orders = Snapshot(owner="acme", fetched_at=NOON, payload=b"")
    assert await snapshots.put(INVOICES, snapshot(), TTL)
    assert await snapshots.put(ORDERS, orders, TTL)

    missing = key("list", "acme", "desk", "tickets")
    assert await snapshots_of(snapshots, "acme", [missing, ORDERS, INVOICES]) == [None, orders, snapshot()]


async def test_lets_a_snapshot_live_as_long_as_it_was_told(snapshots: Snapshots, redis: Client) -> None:
    await snapshots.put(INVOICES, snapshot(), timedelta(seconds=60))

    assert 59_000 < await redis.pttl(INVOICES) <= 60_000


async def test_stores_only_in_place_of_what_its_writer_has_read(snapshots: Snapshots) -> None:
    assert await snapshots.put(INVOICES, snapshot(b"first"), TTL)
    assert not await snapshots.put(INVOICES, snapshot(b"blind"), TTL)
    (read,) = (await snapshots.get_versioned("acme", [INVOICES])).stored

    assert await snapshots.put(INVOICES, snapshot(b"second"), TTL, read.head)
    assert not await snapshots.put(INVOICES, snapshot(b"too late"), TTL, read.head)
    assert await snapshots_of(snapshots, "acme", [INVOICES]) == [snapshot(b"second")]


async def test_notices_that_the_same_was_written_again(snapshots: Snapshots) -> None:
    await snapshots.put(INVOICES, snapshot(), TTL)
    (read,) = (await snapshots.get_versioned("acme", [INVOICES])).stored
    assert await snapshots.put(INVOICES, snapshot(), TTL, read.head)

    assert not await snapshots.put(INVOICES, snapshot(b"too late"), TTL, read.head)


async def test_notices_that_what_was_read_is_gone(snapshots: Snapshots, redis: Client) -> None:
    await snapshots.put(INVOICES, snapshot(), TTL)
    (read,) = (await snapshots.get_versioned("acme", [INVOICES])).stored
    await redis.flushall()

    assert not await snapshots.put(INVOICES, snapshot(b"newer"), TTL, read.head)


async def test_tells_a_new_version_to_whoever_listens(snapshots: Snapshots, redis: Client) -> None:
    async with redis.pubsub() as listener:
        await listener.subscribe(version_of("acme"))
        assert (await anext(listener.listen()))["data"] == 1  # from here on it listens
        await snapshots.put(INVOICES, snapshot(), TTL)
        await snapshots.put(INVOICES, snapshot(), TTL)  # not stored
        await snapshots.put(key("list", "globex", "erp", "invoices"), snapshot(owner="globex"), TTL)
        await redis.publish(version_of("acme"), b"the last")
        told = [message async for message in first(2, listener.listen())]

    version = (await snapshots.get_versioned("acme", [])).version
    assert [message["data"] for message in told] == [version, b"the last"]


async def test_reads_other_values_of_the_same_moment(snapshots: Snapshots, redis: Client) -> None:
    await redis.set("beside", b"a value")
    await snapshots.put(INVOICES, snapshot(), TTL)

    found = await snapshots.get_versioned("acme", [INVOICES], ["beside", "not there"])
    assert [each.snapshot for each in found.stored] == [snapshot()]
    assert found.beside == [b"a value", None]


async def test_drops_a_foreign_snapshot_and_raises_the_alarm(snapshots: Snapshots, redis: Client) -> None:
    await snapshots.put(INVOICES, snapshot(owner="globex"), TTL)
    await snapshots.put(ORDERS, snapshot(), TTL)

    with capture_logs() as logs:
        assert await snapshots_of(snapshots, "acme", [INVOICES, ORDERS]) == [None, snapshot()]

    assert await redis.exists(INVOICES, ORDERS) == 1
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("foreign snapshot dropped", "error")]


GOOD = _write(snapshot())
BROKEN = {
    "empty": b"",
    "text": b"hello",
    "another program's": b"\x80\x04\x95" + GOOD,
    "cut short": GOOD[:-1],
    "cut in the digits": GOOD[: DIGITS - 1],
    "digits alone": GOOD[:DIGITS],
    "the head alone": GOOD[:HEAD],
    "another time in the digits": b"9" * DIGITS + GOOD[DIGITS:],
    "a field too few": GOOD[:HEAD] + msgspec.msgpack.encode(["acme", NOON, True]),
    "a wrong type": GOOD[:HEAD] + msgspec.msgpack.encode(["acme", NOON, True, 7]),
    "a time without a zone": GOOD[:HEAD] + msgspec.msgpack.encode(["acme", "2026-11-22T12:00:00", True, b""]),
    "deeply nested": GOOD[:HEAD] + b"\x95" + GOOD[HEAD + 1 :] + b"\x91" * 100_000 + b"\xc0",
    "no text": GOOD[:HEAD] + b"\x94\xa2\xff\xfe" + GOOD[HEAD + 6 :],
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
async def test_takes_a_broken_snapshot_for_none_and_gets_over_it(
    value: bytes, snapshots: Snapshots, redis: Client
) -> None:
    await redis.set(INVOICES, value)
    await snapshots.put(ORDERS, snapshot(), TTL)

    with capture_logs() as logs:
        assert await snapshots_of(snapshots, "acme", [INVOICES, ORDERS]) == [None, snapshot()]

    assert [entry["event"] for entry in logs] == ["unreadable snapshot dropped"]
    assert await redis.exists(INVOICES) == 0
    await snapshots.put(INVOICES, snapshot(), TTL)
    assert await snapshots_of(snapshots, "acme", [INVOICES]) == [snapshot()]


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_never_fails_on_a_changed_byte(position: int, change: int) -> None:
    value = bytearray(GOOD)
    value[position] ^= change

    found = _read("acme", bytes(value)).snapshot

    assert found is None or found.owner == "acme"


async def test_replaces_a_key_of_another_type(snapshots: Snapshots, redis: Client) -> None:
    await redis.rpush(INVOICES, "a", "list")

    assert await snapshots_of(snapshots, "acme", [INVOICES]) == [None]
    assert await snapshots.put(INVOICES, snapshot(), TTL)
    assert await snapshots_of(snapshots, "acme", [INVOICES]) == [snapshot()]


async def test_refuses_an_instant_without_a_zone(snapshots: Snapshots) -> None:
    with pytest.raises(TypeError):
        await snapshots.put(INVOICES, snapshot(at=NOON.replace(tzinfo=None)), TTL)


async def test_has_nothing_after_a_flush_and_goes_on(snapshots: Snapshots, redis: Client) -> None:
    await snapshots.put(INVOICES, snapshot(), TTL)
    await redis.flushall()
    await redis.script_flush()

    assert await snapshots_of(snapshots, "acme", [INVOICES]) == [None]
    assert await snapshots.put(INVOICES, snapshot(), TTL)


async def test_is_down_when_redis_is(redis_process: RedisProcess) -> None:
    redis = connect(redis_process.url)
    snapshots = Snapshots(redis)
    redis_process.kill()

    with pytest.raises(CacheDown):
        await snapshots_of(snapshots, "acme", [INVOICES])
    with pytest.raises(CacheDown):
        await snapshots.put(INVOICES, snapshot(), TTL)
    await redis.aclose()
