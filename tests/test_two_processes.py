"""Two web processes as `hallway serve` starts them: what one of them has read is there for the other one's pages."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from bench_server import PORTAL, Server, running
from support_portal import Portal, settings_for
from support_redis import RedisProcess
from support_sandbox import RunningSandbox
from support_streams import OpenStream

from auth.cookies import SESSION
from connectors.sandbox.faults import Fault
from gateway.app import make_app
from gateway.records import migrate
from gateway.records.database import Database

MANY = 500
LEAVES_WITHIN = 10.0  # seconds, with all its streams


@pytest_asyncio.fixture
async def portal(tmp_path: Path, redis_process: RedisProcess, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    url = f"sqlite:///{tmp_path}/hallway.db"
    migrate.upgrade(url)
    database = Database(url)
    settings = settings_for(url, redis_process.url, tmp_path)
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", ("erp", "10"))
    yield portal
    await portal.aclose()
    await database.close()


@pytest_asyncio.fixture
async def cookie(portal: Portal) -> str:
    return f"{SESSION}={await portal.sign_in('maya', 'bakery')}"


@pytest.fixture
def environ(tmp_path: Path, redis_process: RedisProcess) -> dict[str, str]:
    settings = settings_for(f"sqlite:///{tmp_path}/hallway.db", redis_process.url, tmp_path)
    assert settings.keys
    assert settings.oidc.client_secret
    return {
        "HALLWAY_WORKERS": "2",
        "HALLWAY_DATABASE_URL": settings.database_url.reveal(),
        "HALLWAY_REDIS_URL": redis_process.url,
        "HALLWAY_DATA_DIR": str(tmp_path),
        "HALLWAY_KEYS": settings.keys.reveal(),
        "HALLWAY_OIDC_ISSUER": settings.oidc.issuer or "",
        "HALLWAY_OIDC_CLIENT_ID": settings.oidc.client_id or "",
        "HALLWAY_OIDC_CLIENT_SECRET": settings.oidc.client_secret.reveal(),
        "HALLWAY_ALLOW_HTTP_SOURCES": "true",
        "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
        "HALLWAY_PAGE_BUDGET": "10",
    }


async def ask_at_once(server: Server, cookie: str) -> Counter[int]:
    """Open Home in many browsers in the same moment, each on a connection of its own."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    address = f"http://127.0.0.1:{server.port}/"
    async with httpx.AsyncClient(limits=limits, timeout=60, headers={"Cookie": cookie, "Accept": "text/html"}) as http:
        answers = await asyncio.gather(*(http.get(address) for _ in range(MANY)))
    assert all("To pay" in answer.text for answer in answers if answer.status_code == 200)
    return Counter(answer.status_code for answer in answers)


def lists_of_invoices(sandbox: RunningSandbox) -> int:
    """Count how often the back office was asked for the customer's invoices."""
    return sum(
        b'"account.move"' in seen.body and b"search_read" in seen.body and b"commercial_partner_id" in seen.body
        for seen in sandbox.odoo_seen
    )


async def test_many_misses_are_one_question(
    portal: Portal, cookie: str, environ: dict[str, str], sandbox: RunningSandbox
) -> None:
    with running(PORTAL, environ) as server:
        sandbox.odoo_fault(Fault(kind="slow", seconds=0.2))
        assert await ask_at_once(server, cookie) == {200: MANY}
    assert lists_of_invoices(sandbox) == 1


async def test_is_asked_once_by_each_process_while_redis_is_away(
    portal: Portal, cookie: str, environ: dict[str, str], sandbox: RunningSandbox, redis_process: RedisProcess
) -> None:
    with running(PORTAL, environ) as server:
        redis_process.kill()
        sandbox.odoo_fault(Fault(kind="slow", seconds=0.5))
        assert await ask_at_once(server, cookie) == {200: MANY}
    assert 1 <= lists_of_invoices(sandbox) <= 2


async def test_what_one_of_them_reads_is_told_to_pages_that_the_other_keeps_open(
    portal: Portal, cookie: str, environ: dict[str, str]
) -> None:
    session = cookie.partition("=")[2]
    with running(PORTAL, environ) as near, running(PORTAL, environ) as far:
        http = httpx.AsyncClient(timeout=60, headers={"Cookie": cookie, "Accept": "text/html"})
        async with http, OpenStream(f"http://127.0.0.1:{near.port}", session) as stream:
            assert await stream.is_quiet()
            assert (await http.get(f"http://127.0.0.1:{far.port}/")).status_code == 200
            told = await stream.next()
            assert told
            assert told.name == "changed"


async def test_ends_its_streams_when_it_stops(portal: Portal, cookie: str, environ: dict[str, str]) -> None:
    session = cookie.partition("=")[2]
    with running(PORTAL, environ) as server:
        address = f"http://127.0.0.1:{server.port}"
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(OpenStream(address, session)) for _ in range(6)]
            os.kill(server.pid, signal.SIGTERM)
            async with asyncio.timeout(LEAVES_WITHIN):
                for stream in streams:
                    while await stream.chunk():
                        pass
