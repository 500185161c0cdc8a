"""What whoever watches us learns: alive, ready, and nothing that is nobody's business."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from support_redis import RedisProcess

from cache.client import connect
from gateway.health import Health, Readiness
from gateway.records import migrate
from gateway.records.database import Database
from web.health import get_healthz, get_readyz

READY = {"status": "ready", "database": "ok", "cache": "ok"}


@asynccontextmanager
async def watched(database_url: str, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    database, redis = Database(database_url), connect(redis_url)
    state = State({"readiness": Readiness(database, database_url, redis)})
    app = Litestar([get_healthz, get_readyz], state=state, openapi_config=None)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's types of ASGI are stricter
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    await database.close()
    await redis.aclose()


async def test_is_ready_when_both_stores_answer(database_url: str, redis_url: str) -> None:
    async with watched(database_url, redis_url) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()) == (200, READY)


async def test_stays_ready_without_redis_and_says_so(database_url: str, redis_process: RedisProcess) -> None:
    async with watched(database_url, redis_process.url) as client:
        redis_process.kill()
        response = await client.get("/readyz")
    assert (response.status_code, response.json()) == (200, READY | {"cache": "away"})


async def test_is_not_ready_before_the_migrations_and_ready_after(new_database_url: str, redis_url: str) -> None:
    async with watched(new_database_url, redis_url) as client:
        before = await client.get("/readyz")
        await asyncio.to_thread(migrate.upgrade, new_database_url)
        after = await client.get("/readyz")
    assert before.status_code == 503
    assert before.json()["database"] in {"not migrated", "away"}, "a SQLite file is not even there yet"
    assert after.json() == READY


@pytest.mark.parametrize("url", ["postgresql://canary:canary@127.0.0.1:1/canary", "sqlite:////proc/canary/hallway.db"])
async def test_is_not_ready_without_its_database_but_alive(url: str, redis_url: str) -> None:
    async with watched(url, redis_url) as client:
        ready = await client.get("/readyz")
        alive = await client.get("/healthz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "not ready", "database": "away", "cache": "ok"}
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


async def test_asks_about_migrations_only_until_they_are_done(database_url: str, redis_url: str) -> None:
    database, redis = Database(database_url), connect(redis_url)
    readiness = Readiness(database, database_url, redis)
    assert await readiness.look() == Health("ok", "ok")
    readiness._url = "postgresql://nobody@127.0.0.1:1/nothing"
    assert await readiness.look() == Health("ok", "ok")
    await database.close()
    await redis.aclose()
