"""What the fault suite ill-treats: a real `hallway serve`, a real Redis, and three back offices behind toxic proxies.

The back offices are the sandbox's Odoo ("erp"), Zendesk ("helpdesk") and HubSpot ("crm"). One member is signed in for
each account, so a cookie is an account.
"""

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from bench_server import PORTAL, ROOT, Server
from bench_start import resident_bytes, web_process
from faults_hooks_load import HOOK
from msgspec import Struct
from redis.asyncio import Redis
from support_audit import BY, TRAIL
from support_needs import need_program
from support_redis import RedisProcess
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox, free_port, serve_sandbox
from support_toxics import ToxicProxy, toxic_proxy

from auth.clock import utc_now
from auth.cookies import SESSION
from auth.provider import Identity
from auth.sessions import Sessions
from cache.client import connect
from connectors.addresses import AddressPolicy
from connectors.registry import load_connectors
from gateway.access import remember
from gateway.links import Login, Proof, link
from gateway.records import migrate
from gateway.records.database import Database
from gateway.rights import COMPANY
from gateway.settings import load
from gateway.sources import changes, desired
from gateway.vault import SealedIdTokens, Vault

ISSUER, SUBJECT = "http://127.0.0.1:9", "maya"
DAY = timedelta(days=1)
START_WITHIN = 60.0  # seconds
APPS = {"crm": "hubspot", "erp": "odoo", "helpdesk": "zendesk"}
ENVIRON = {
    "HOOK": HOOK,
    "HUBSPOT_TOKEN": "sandbox-hubspot-token",
    "ODOO_KEY": ODOO_KEY,
    "RT_TOKEN": RT_TOKEN,
    "ZENDESK_TOKEN": "sandbox0zendesk0token0sandbox0zendesk0to",
}
Accounts = Mapping[str, Sequence[tuple[str, str]]]  # an account's links: source and customer
BAKERY = (("crm", "company:9010"), ("erp", "10"), ("helpdesk", "organization:360001000010"))
HOTEL = (("crm", "company:9030"), ("erp", "30"), ("helpdesk", "organization:360001000030"))
CAFE = (("crm", "company:9040"), ("erp", "40"), ("helpdesk", "user:9007199254740993"))
CATERING = (("crm", "company:9020"), ("erp", "20"), ("helpdesk", "user:360002000033"))

SOURCES = """
[sources.crm]
connector = "hubspot"
title = "Offers"
[sources.crm.settings]
base_url = "CRM"
access_token = {env = "HUBSPOT_TOKEN"}
external_id_property = "customer_number"
webhook_secret = {env = "HOOK"}
[sources.crm.promises]
orders = PROMISE

[sources.erp]
connector = "odoo"
title = "Orders and invoices"
[sources.erp.settings]
base_url = "ERP"
database = "DATABASE"
login = "LOGIN"
api_key = {env = "ODOO_KEY"}
webhook_secret = {env = "HOOK"}
[sources.erp.promises]
orders = PROMISE
invoices = PROMISE
tickets = PROMISE

[sources.helpdesk]
connector = "zendesk"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "HELPDESK"
email = "EMAIL"
api_token = {env = "ZENDESK_TOKEN"}
team_name = "Kestrel & Moor"
webhook_secret = {env = "HOOK"}
[sources.helpdesk.promises]
tickets = PROMISE
"""
TRACKER = """
[sources.tracker]
connector = "request_tracker"
title = "Repairs"
[sources.tracker.settings]
base_url = "TRACKER"
token = {env = "RT_TOKEN"}
[sources.tracker.promises]
tickets = PROMISE
"""
STAMP = re.compile(r'<p class="stamp" data-state="(\w+)" data-source="(\w+)">(.*?)</p>', re.DOTALL)
INSTANT = re.compile(r'<time[^>]* datetime="([^"]+)"')
RECORD = re.compile(r'href="(/(?:orders|invoices|requests)/(\w+)/[^"/?]+)')


class Stamp(Struct, frozen=True):
    """What a page says of a source: how it is, and of when the records are."""

    state: str
    source: str
    at: datetime | None


class Visit(Struct, frozen=True):
    """One page as somebody got it. `records` are the addresses of what it shows, by source."""

    path: str
    status: int
    began: datetime
    seconds: float
    stamps: tuple[Stamp, ...] = ()
    records: frozenset[tuple[str, str]] = frozenset()

    def of(self, source: str) -> frozenset[str]:
        return frozenset(address for name, address in self.records if name == source)

    def states(self, source: str) -> set[str]:
        return {stamp.state for stamp in self.stamps if stamp.source == source}


class Portal:
    """A running `hallway serve` with one web process, and browsers for it."""

    def __init__(self, server: Server, log: Path) -> None:
        self.server = server
        self._log = log
        self._http = httpx.AsyncClient(
            base_url=self.address,
            trust_env=False,
            timeout=30,
            limits=httpx.Limits(max_connections=200),
            headers={"Accept": "text/html"},
        )

    async def visit(self, cookie: str, path: str = "/") -> Visit:
        began, started = utc_now(), time.perf_counter()
        try:
            answer = await self._http.get(path, headers={"Cookie": f"{SESSION}={cookie}"})
        except httpx.HTTPError:
            return Visit(path, 599, began, time.perf_counter() - started)
        seconds = time.perf_counter() - started
        if answer.status_code != HTTPStatus.OK:
            return Visit(path, answer.status_code, began, seconds)
        page = unescape(answer.text)
        stamps = tuple(_stamp(state, source, text) for state, source, text in STAMP.findall(page))
        records = frozenset((source, address) for address, source in RECORD.findall(page))
        return Visit(path, 200, began, seconds, stamps, records)

    async def read(self, cookie: str, path: str) -> str:
        """Give a page as text."""
        return (await self._http.get(path, headers={"Cookie": f"{SESSION}={cookie}"})).text

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def http(self) -> httpx.AsyncClient:
        return self._http

    @property
    def resident_bytes(self) -> int:
        return resident_bytes(web_process(self.server))

    def kill_web(self) -> None:
        """End its web process, as the kernel does when memory runs out. Another one takes its place."""
        os.kill(web_process(self.server), signal.SIGKILL)

    def log_lines(self, word: str) -> list[str]:
        return [line for line in self._log.read_text("utf-8").splitlines() if word in line]

    async def aclose(self) -> None:
        await self._http.aclose()


class World(Struct, frozen=True):
    """Everything around a portal. `cookies` by account."""

    proxies: Mapping[str, ToxicProxy]
    sandbox: RunningSandbox
    redis: RedisProcess
    environ: dict[str, str]
    cookies: Mapping[str, str]
    sessions: Sessions
    cache: Redis  # a patient client, as our own is not

    def arrivals(self) -> int:
        return sum(len(proxy.requests) for proxy in self.proxies.values())


@asynccontextmanager
async def world(
    rng: random.Random,
    accounts: Accounts,
    *,
    promise: int,
    redis_options: Sequence[str] = (),
    tracker: bool = False,
    data_dir: Path | None = None,
) -> AsyncIterator[World]:
    """Furnish a world. `promise` is in seconds, for every kind of record; `tracker` adds a Request Tracker."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
        sandbox = stack.enter_context(serve_sandbox())
        port = int(sandbox.url.rpartition(":")[2])
        proxies = {name: await stack.enter_async_context(toxic_proxy(port, rng)) for name in APPS}
        redis = RedisProcess(need_program("redis-server", package="redis-server"), *redis_options)
        stack.callback(redis.close)
        redis.start()
        environ = {
            "HALLWAY_DATA_DIR": str(data_dir or folder),
            "HALLWAY_WORKER": "elsewhere",  # what is counted is what pages ask
            "HALLWAY_REDIS_URL": redis.url,
            "HALLWAY_ALLOW_HTTP_SOURCES": "true",
            "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
            "HALLWAY_OIDC_ISSUER": ISSUER,
            "HALLWAY_OIDC_CLIENT_ID": "faults",
            "HALLWAY_OIDC_CLIENT_SECRET": "faults",
        }
        settings = load(environ)
        url = settings.database_url.reveal()
        migrate.upgrade(url)
        database, cache, vault = Database(url), connect(redis.url), Vault(settings.keyring())
        stack.push_async_callback(database.close)
        stack.push_async_callback(cache.aclose)
        patient = Redis.from_url(redis.url)
        stack.push_async_callback(patient.aclose)
        more = TRACKER.replace("TRACKER", sandbox.rt_url) if tracker else ""
        await _add_sources(database, vault, proxies, promise, more)
        await _add_accounts(database, accounts)
        sessions = Sessions(database, cache, SealedIdTokens(vault), utc_now, trail=TRAIL, idle=DAY, lifetime=DAY)
        member = await remember(
            database, Identity(issuer=ISSUER, subject=SUBJECT, email=None, name="Maya"), utc_now(), trail=TRAIL
        )
        cookies = {account: await sessions.create(member, account, None) for account in accounts}
        yield World(proxies, sandbox, redis, environ, cookies, sessions, patient)


@asynccontextmanager
async def portal(world: World, port: int | None = None, command: Sequence[str] = PORTAL) -> AsyncIterator[Portal]:
    """Serve until the block ends, or until somebody kills it."""
    port = port or free_port()
    address = {"HALLWAY_PORT": str(port), "HALLWAY_BASE_URL": f"http://127.0.0.1:{port}"}
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HALLWAY_")}
    log = Path(world.environ["HALLWAY_DATA_DIR"]) / f"portal-{port}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=ours | world.environ | address, stdout=out, stderr=out
        )
    try:
        end = time.monotonic() + START_WITHIN
        while b"Hallway is open" not in log.read_bytes():
            if process.returncode is not None or time.monotonic() > end:
                raise RuntimeError(f"the portal did not start: {log.read_text('utf-8')[-2000:]}")
            await asyncio.sleep(0.02)
        made = Portal(Server(port, process.pid), log)
        yield made
        await made.aclose()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _add_sources(
    database: Database, vault: Vault, proxies: Mapping[str, ToxicProxy], promise: int, more: str
) -> None:
    text = (
        f"{SOURCES}{more}".replace("DATABASE", ODOO_DATABASE).replace("LOGIN", ODOO_LOGIN).replace("EMAIL", ODOO_LOGIN)
    )
    text = text.replace("PROMISE", str(promise))
    for name, app in APPS.items():
        text = text.replace(f'"{name.upper()}"', f'"http://127.0.0.1:{proxies[name].port}/{app}"')
    connectors = load_connectors()
    policy = AddressPolicy(allow_http=True, allow_private=True)
    wanted = desired.parse(text, connectors, policy, environ=ENVIRON, folder=Path())
    await changes.apply(
        database, vault, await changes.plan(database, vault, connectors, wanted), utc_now(), trail=TRAIL, by=BY
    )


async def _add_accounts(database: Database, accounts: Accounts) -> None:
    for account, links in accounts.items():
        for source, customer in links:
            await link(
                database,
                account=account,
                source=source,
                customer=customer,
                proof=Proof(fact="fault suite", decided_by="fault suite", decided_at=utc_now()),
                name=account.title(),
                login=Login(ISSUER, SUBJECT),
                rights=COMPANY,
                trail=TRAIL,
                by=BY,
            )


def _stamp(state: str, source: str, text: str) -> Stamp:
    found = INSTANT.search(text)
    return Stamp(state, source, datetime.fromisoformat(found[1]) if found else None)


async def until_known(portal: Portal, cookie: str, path: str = "/", seconds: float = 90.0) -> Visit:
    """Look again until every source has answered, and none is away."""
    end = time.monotonic() + seconds
    while True:
        visit = await portal.visit(cookie, path)
        if visit.status == HTTPStatus.OK and {stamp.state for stamp in visit.stamps} <= {"ontime", "late"}:
            return visit
        if time.monotonic() > end:
            raise RuntimeError(f"{path} is not whole after {seconds:g} s: {visit}")
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sys.exit("this is the stage, not a play: python tests/faults.py")
