"""The whole portal in this process, over the sandbox and real stores, and browsers that are signed in to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar.types import ASGIApp
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox, free_port, wait_for_port

from auth import cookies
from auth.clock import utc_now
from auth.provider import Identity
from auth.sessions import Sessions
from cache.client import connect
from cache.snapshots import version_of
from connectors.addresses import AddressPolicy
from connectors.registry import load_connectors
from gateway.access import remember
from gateway.app import make_app
from gateway.door import make_room
from gateway.links import Login, Proof, link
from gateway.persons import name_person
from gateway.records.database import Database
from gateway.rights import COMPANY
from gateway.settings import Settings, load
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from gateway.vault import SealedIdTokens, Vault
from web.last_answers import LastAnswers

BASE = "https://portal.example"
ISSUER = "https://login.example"
SOURCES = f"""
[sources.erp]
connector = "odoo"
title = "Invoices"
[sources.erp.settings]
base_url = "ODOO"
database = "{ODOO_DATABASE}"
login = "{ODOO_LOGIN}"
api_key = {{ env = "ODOO_KEY" }}
webhook_secret = {{ env = "ODOO_HOOK" }}
[sources.helpdesk]
connector = "request_tracker"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "RT"
token = {{ env = "RT_TOKEN" }}
asks_if_solved = true
webhook_secret = {{ env = "RT_HOOK" }}
"""
ODOO_HOOK = "hook-canary-of-odoo"
RT_HOOK = "aG9vay1jYW5hcnktb2YtcnQ="  # base64, as Standard Webhooks have it
KEYS = "1:" + "A" * 43 + "="
LAX = AddressPolicy(allow_http=True, allow_private=True)
BAKERY = (("erp", "10"), ("helpdesk", "maya@alderlane.example"), ("helpdesk", "joseph@alderlane.example"))
HOTEL = (("erp", "30"), ("helpdesk", "ines@harbourhotel.example"))


class Portal:
    """The running application, and what an operator does to it."""

    def __init__(self, app: ASGIApp, database: Database, settings: Settings) -> None:
        self.app = app
        self.database = database
        self.base_url = settings.base_url
        self.vault = Vault(settings.keyring())
        redis = connect(settings.redis_url.reveal() if settings.redis_url else "")
        self._redis = redis
        self.sessions = Sessions(
            database,
            redis,
            SealedIdTokens(self.vault),
            utc_now,
            trail=TRAIL,
            idle=timedelta(hours=1),
            lifetime=timedelta(hours=1),
        )

    async def connect(self, sandbox: RunningSandbox, more: str = "", **secrets: str) -> None:
        """Apply the sources file that points at the sandbox, and `more` of it."""
        text = SOURCES.replace('"ODOO"', f'"{sandbox.odoo_url}"').replace('"RT"', f'"{sandbox.rt_url}"') + more
        environ = {"ODOO_KEY": ODOO_KEY, "RT_TOKEN": RT_TOKEN, "ODOO_HOOK": ODOO_HOOK, "RT_HOOK": RT_HOOK, **secrets}
        connectors = load_connectors()
        wanted = parse(text, connectors, LAX, environ=environ, folder=Path())
        diff = await plan(self.database, self.vault, connectors, wanted)
        await apply(self.database, self.vault, diff, datetime.now(UTC), trail=TRAIL, by=BY)

    async def link(self, subject: str, account: str, *customers: tuple[str, str]) -> None:
        """Let a login act for an account that is these customers in these sources."""
        for source, customer in customers:
            await link(
                self.database,
                account=account,
                source=source,
                customer=customer,
                proof=Proof(fact="customer number", decided_by="test", decided_at=datetime.now(UTC)),
                name=account.title(),
                login=Login(ISSUER, subject),
                rights=COMPANY,
                trail=TRAIL,
                by=BY,
            )

    async def tie(self, subject: str, source: str, person: str) -> None:
        """Say that a login is this person in that source."""
        proof = Proof(fact="their card", decided_by="test", decided_at=datetime.now(UTC))
        known: dict[str, Any] = {"trail": TRAIL, "by": BY, "login": Login(ISSUER, subject)}
        await name_person(self.database, **known, source=source, person=person, proof=proof)

    async def sign_in(self, subject: str, account: str | None) -> str:
        """Begin a session, as the callback does, and give its cookie."""
        identity = Identity(issuer=ISSUER, subject=subject, email=f"{subject}@example.com", name=subject.title())
        member = await remember(self.database, identity, datetime.now(UTC), trail=TRAIL)
        return await self.sessions.create(member, account, None)

    async def browser(self, subject: str, account: str | None) -> httpx.AsyncClient:
        """A browser of somebody who has signed in."""
        client = self.stranger()
        client.headers["Cookie"] = f"{cookies.SESSION}={await self.sign_in(subject, account)}"
        return client

    def stranger(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url=self.base_url, headers={"Accept": "text/html"})

    async def renew_version(self, account: str) -> None:
        """Do as another process does that stores something of the account."""
        await self._redis.set(version_of(account), "another")

    async def forget_records(self) -> None:
        """Empty the cache. Nobody is signed out by that."""
        await self._redis.flushdb()

    async def aclose(self) -> None:
        await self._redis.aclose()


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[None]:
    """Do what a server does before the first request and after the last."""
    to_app: asyncio.Queue[Any] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    scope: Any = {"type": "lifespan", "asgi": {"version": "3.0"}}
    life: asyncio.Future[None] = asyncio.ensure_future(app(scope, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await life


@asynccontextmanager
async def listening(app: ASGIApp, port: int) -> AsyncIterator[None]:
    """Serve an application over HTTP, from this very loop. At the end it leaves as a process of a server does."""
    leaving = False
    server = Server(
        LastAnswers(app, lambda: leaving),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        backlog=1024,
        backpressure=make_room(),
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.to_thread(wait_for_port, port)
    yield
    leaving = True
    server.stop()  # type: ignore[no-untyped-call]  # Granian's
    await serving


def settings_for(database_url: str, redis_url: str, folder: Path, base_url: str = BASE) -> Settings:
    return load(
        {
            "HALLWAY_BASE_URL": base_url,
            "HALLWAY_DATABASE_URL": database_url,
            "HALLWAY_REDIS_URL": redis_url,
            "HALLWAY_DATA_DIR": str(folder),
            "HALLWAY_KEYS": KEYS,
            "HALLWAY_OIDC_ISSUER": ISSUER,
            "HALLWAY_OIDC_CLIENT_ID": "portal",
            "HALLWAY_OIDC_CLIENT_SECRET": "secret-secret-secret",
            "HALLWAY_ALLOW_HTTP_SOURCES": "true",
            "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
            "HALLWAY_PAGE_BUDGET": "8",  # a busy machine may take its time
            "HALLWAY_CONTACT_NAME": "Priya Nair",
            "HALLWAY_CONTACT_PHONE": "020 7946 0182",
        }
    )


@pytest.fixture
def portal_settings(database_url: str, redis_url: str, redis: object, tmp_path: Path) -> Settings:
    """Settings for the stores of one test; `redis` has emptied the server."""
    return settings_for(database_url, redis_url, tmp_path)


@pytest_asyncio.fixture
async def portal(database: Database, portal_settings: Settings, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    """The portal with both sources, a bakery and a hotel."""
    made = Portal(make_app(portal_settings), database, portal_settings)
    await made.connect(sandbox)
    await made.link("maya", "bakery", *BAKERY)
    await made.link("ines", "hotel", *HOTEL)
    async with running(made.app):
        yield made
    await made.aclose()


@pytest_asyncio.fixture
async def served(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox
) -> AsyncIterator[tuple[Portal, str]]:
    """The portal on a port of its own, with a member signed in; gives the portal and the session's cookie."""
    port = free_port()
    settings = replace(portal_settings, base_url=f"http://127.0.0.1:{port}", page_budget=1.2)
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", ("erp", "10"), ("helpdesk", "maya@alderlane.example"))
    async with listening(portal.app, port):
        yield portal, await portal.sign_in("maya", "bakery")
    await portal.aclose()
