"""B6: the page of somebody of whom nothing is known yet, over three sources that take 80, 120 and 200 ms.

Each page is asked for on a connection of its own and must show the records of all three. The sources count: two pages
that miss the same must share a call.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from bench_load import Question, ask
from bench_records import DAY
from bench_report import QUICK, Finding, Rounds, middle
from bench_server import PORTAL, running
from bench_slow import DELAYS
from bench_world import ISSUER, POLICY, SUBJECT, settings_for
from msgspec import Struct
from support_audit import BY, TRAIL

from auth.clock import utc_now
from auth.cookies import SESSION
from auth.provider import Identity
from auth.sessions import Sessions
from cache import embedded
from cache.client import connect
from connectors.registry import load_connectors
from gateway.access import remember
from gateway.links import Login, Proof, link
from gateway.records import migrate
from gateway.records.database import Database
from gateway.rights import COMPANY
from gateway.settings import load
from gateway.sources import changes, desired
from gateway.vault import SealedIdTokens, Vault

CUSTOMERS = 200
ALONE, ROUNDS = (8, 1) if QUICK else (40, 5)
SLOWEST = max(DELAYS, key=lambda kind: DELAYS[kind])
PLUGIN = "[hallway.connectors]\n" + "".join(f"slow_{kind} = bench_connector:{kind}\n" for kind in DELAYS)
SECRET = "bench"  # of the sources' webhooks
MILLISECOND = 0.001


class Cold(Struct, frozen=True):
    environ: dict[str, str]
    cookies: list[str]
    ports: dict[str, int]  # of the sources


def cold_pages() -> Iterator[tuple[str, Finding]]:
    with cold_world() as built, running(PORTAL, built.environ) as portal:
        asyncio.run(warm_up(portal.port, built))
        alone = asyncio.run(one_by_one(portal.port, built))
        crowd = asyncio.run(all_at_once(portal.port, built))
    what = "cold page, one at a time, over its slowest source of 200 ms: p50"
    yield "B6a", Finding(what=what, value=alone.value, spread=alone.spread, at_most=10, unit="ms")
    what = f"cold page, {CUSTOMERS} customers at once, over its slowest source: p99"
    yield "B6b", Finding(what=what, value=crowd.value, spread=crowd.spread, at_most=400, unit="ms")


async def warm_up(port: int, built: Cold) -> None:
    """Let what happens once happen: templates, connections. And see that many pages of one customer share the calls."""
    await pages(port, built.cookies[:20])
    await forget(built)
    before = calls(built)
    await pages(port, built.cookies[:1] * 50)
    if calls(built) - before != len(DELAYS):
        raise RuntimeError(f"{calls(built) - before} calls for fifty pages of one customer")


async def one_by_one(port: int, built: Cold) -> Rounds:
    """Ask for a page and for the slowest source in turns; give the milliseconds between the two."""
    source = f"/{SLOWEST}?customer=0"
    over = []
    for cookie in built.cookies[:ALONE]:
        await forget(built)
        (taken,) = await pages(port, [cookie])
        began = time.perf_counter()
        await get(built.ports[SLOWEST], source, "")
        over.append((taken - (time.perf_counter() - began)) / MILLISECOND)
    return middle(over)


async def all_at_once(port: int, built: Cold) -> Rounds:
    over = []
    for _ in range(ROUNDS):
        await forget(built)
        before = calls(built)
        taken = await pages(port, built.cookies)
        if calls(built) - before != len(DELAYS) * CUSTOMERS:
            raise RuntimeError(f"{calls(built) - before} calls for {CUSTOMERS} customers")
        over.append((quantiles(taken, n=100)[98] - DELAYS[SLOWEST]) / MILLISECOND)
    return middle(over)


async def pages(port: int, cookies: Sequence[str]) -> list[float]:
    """Ask for Home with all cookies at once and give the seconds that each took. All of them must be whole."""

    async def page(cookie: str) -> float:
        began = time.perf_counter()
        body = await get(port, "/", cookie)
        taken = time.perf_counter() - began
        for shown in (b">Order S", b"INV-", b"Request "):
            if shown not in body:
                raise RuntimeError(f"a page without {shown.decode()}: {body[:200]!r}")
        return taken

    return await asyncio.gather(*map(page, cookies))


async def get(port: int, path: str, cookie: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024 * 1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    body = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    writer.close()
    if not head.startswith(b"http/1.1 200 "):
        raise RuntimeError(head.decode("latin-1"))
    return body


async def forget(built: Cold) -> None:
    """Empty Redis: copies of sessions and rights go too, as they would for somebody who comes once a month."""
    redis = connect(built.environ["HALLWAY_REDIS_URL"])
    await redis.flushall()
    await redis.aclose()


def calls(built: Cold) -> int:
    return int(ask(built.ports[SLOWEST], Question("/calls", {})).body)


@contextmanager
def cold_world() -> Iterator[Cold]:
    with TemporaryDirectory(prefix="bench-") as folder, slow_sources() as ports:
        plugin = Path(folder, "bench-0.dist-info")
        plugin.mkdir()
        (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: bench\nVersion: 0\n")
        (plugin / "entry_points.txt").write_text(PLUGIN)
        redis = embedded.start(Path(folder))
        path = [folder, str(Path(__file__).parent), *filter(None, sys.path)]
        whole = {"HALLWAY_PAGE_BUDGET": "10", "PYTHONPATH": ":".join(path)}  # no page is sent before all has come
        environ = {**settings_for(folder, redis.url), **whole}
        sys.path.insert(0, folder)
        try:
            yield Cold(environ, asyncio.run(furnish(environ, ports)), ports)
        finally:
            sys.path.remove(folder)
            redis.stop()


@contextmanager
def slow_sources() -> Iterator[dict[str, int]]:
    process = subprocess.Popen([sys.executable, Path(__file__).with_name("bench_slow.py")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


async def furnish(environ: dict[str, str], ports: dict[str, int]) -> list[str]:
    """Make the customers, each with an account over all three sources, and sign them in. Gives their cookies."""
    settings = load(environ)
    url = settings.database_url.reveal()
    migrate.upgrade(url)
    database, redis, vault, now = (
        Database(url),
        connect(environ["HALLWAY_REDIS_URL"]),
        Vault(settings.keyring()),
        utc_now(),
    )
    connectors = load_connectors()
    wanted = desired.parse(sources_at(ports), connectors, POLICY, environ={"BENCH_SECRET": SECRET}, folder=Path())
    await changes.apply(
        database, vault, await changes.plan(database, vault, connectors, wanted), now, trail=TRAIL, by=BY
    )
    sessions = Sessions(database, redis, SealedIdTokens(vault), utc_now, trail=TRAIL, idle=DAY, lifetime=DAY)
    cookies = []
    for n in range(CUSTOMERS):
        who, account = f"{SUBJECT}-{n}", f"account-{n}"
        member = await remember(
            database, Identity(issuer=ISSUER, subject=who, email=None, name="Jane"), now, trail=TRAIL
        )
        for kind in ports:
            proof = Proof(fact="benchmark", decided_by="benchmark", decided_at=now)
            login = Login(ISSUER, who)
            await link(
                database,
                account=account,
                source=kind,
                customer=str(n),
                proof=proof,
                name=account,
                login=login,
                rights=COMPANY,
                trail=TRAIL,
                by=BY,
            )
        cookies.append(f"{SESSION}={await sessions.create(member, account, None)}")
    await redis.aclose()
    await database.close()
    return cookies


def sources_at(ports: dict[str, int]) -> str:
    return "".join(
        f'[sources.{kind}]\nconnector = "slow_{kind}"\ntitle = "{kind}"\npromises = {{{kind} = 600}}\n'
        f'settings = {{base_url = "http://127.0.0.1:{port}", webhook_secret = {{env = "BENCH_SECRET"}}}}\n'
        for kind, port in ports.items()
    )
