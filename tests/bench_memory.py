"""What a customer takes in Redis."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import msgspec
from bench_records import records_of
from bench_report import QUICK, Finding, middle

from auth.clock import utc_now
from cache import embedded
from cache.client import Client, connect
from cache.snapshots import Snapshots
from connectors.registry import load_connectors
from gateway.offices import Office
from gateway.pull import Known, Pull, pack

CUSTOMERS = 20 if QUICK else 200


def snapshots() -> Iterator[tuple[str, Finding]]:
    """B7: all that the cache keeps of a customer's sixty records, beside the records as JSON under the same keys."""
    with TemporaryDirectory(prefix="bench-") as folder:
        redis = embedded.start(Path(folder))
        try:
            ratios = asyncio.run(measure(redis.url))
        finally:
            redis.stop()
    what = "Redis bytes of a customer of 60 records / the same as JSON strings"
    yield "B7", Finding(what=what, value=middle(ratios).value, spread=middle(ratios).spread, at_most=0.22, unit="x")


async def measure(url: str) -> list[float]:
    """Give the ratio for each of some customers."""
    redis = connect(url)
    ratios = []
    for seed in range(CUSTOMERS):
        await fill(redis, seed)
        ours = await taken(redis)
        await fill_with_json(redis, seed)
        ratios.append(ours / await taken(redis))
    await redis.aclose()
    return ratios


async def fill(redis: Client, seed: int) -> None:
    now = utc_now()
    for kind, records in records_of(seed, now).items():
        want = Pull(account=f"account-{seed}", customer=str(seed), kind=kind, office=office())
        await Snapshots(redis).put(want.key, pack(want, Known(records=tuple(records), fetched_at=now)), want.lifetime)


async def fill_with_json(redis: Client, seed: int) -> None:
    for kind, records in records_of(seed, utc_now()).items():
        want = Pull(account=f"account-{seed}", customer=str(seed), kind=kind, office=office())
        await redis.set(want.key, msgspec.json.encode(records), ex=timedelta(days=7))


def office() -> Office:
    return Office(
        name="erp",
        title="Odoo",
        connector=load_connectors()["odoo"],
        promises=MappingProxyType({}),
        version=utc_now().isoformat(),
        opened=None,
    )


async def taken(redis: Client) -> int:
    """Give the bytes of all keys with their values, and empty the store."""
    keys = [key async for key in redis.scan_iter()]
    total = sum([int(await redis.memory_usage(key) or 0) for key in keys])
    await redis.flushall()
    return total
