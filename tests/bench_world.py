"""A portal with one signed-in customer whose sixty records lie warm in the cache. No back office is ever asked."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_records import DAY, EACH, records_of
from msgspec import Struct
from support_audit import BY, TRAIL

from auth.clock import utc_now
from auth.cookies import SESSION
from auth.provider import Identity
from auth.sessions import Sessions
from cache import embedded
from cache.client import connect
from cache.snapshots import Snapshots
from connectors.addresses import AddressPolicy
from connectors.records import Kind, Record
from connectors.registry import load_connectors
from gateway.access import remember
from gateway.links import Login, Proof, link
from gateway.offices import Offices
from gateway.pull import Known, Pull, pack
from gateway.records import migrate
from gateway.records.database import Database
from gateway.rights import COMPANY
from gateway.settings import Settings, load
from gateway.sources import changes, desired
from gateway.vault import SealedIdTokens, Vault

ACCOUNT, ISSUER, SUBJECT = "acme", "http://127.0.0.1:9", "jane"
ACCOUNT_NAME = "Acme"
PROMISE = 604_800  # seconds: nothing is late while we measure
TITLES = {"erp": "Odoo", "desk": "Request Tracker"}
CUSTOMERS = {"erp": "17", "desk": "acme"}
POLICY = AddressPolicy(allow_http=True, allow_private=True)

SOURCES = f"""
[sources.erp]
connector = "odoo"
title = "{TITLES["erp"]}"
promises = {{orders = {PROMISE}, invoices = {PROMISE}, tickets = {PROMISE}}}
settings = {{base_url = "http://127.0.0.1:9", database = "a", login = "b", api_key = {{env = "BENCH_SECRET"}}}}

[sources.desk]
connector = "request_tracker"
title = "{TITLES["desk"]}"
promises = {{tickets = {PROMISE}}}
settings = {{base_url = "http://127.0.0.1:9", token = {{env = "BENCH_SECRET"}}}}
"""


class World(Struct, frozen=True):
    """The settings to start servers with, the cookie of the customer's session, and when all was read."""

    environ: dict[str, str]
    cookie: str
    now: datetime


@contextmanager
def world(each: int = EACH) -> Iterator[World]:
    """`each`: records of a kind that are kept of the customer."""
    with TemporaryDirectory(prefix="bench-") as folder:
        redis = embedded.start(Path(folder))
        environ = settings_for(folder, redis.url)
        try:
            now = utc_now()
            yield World(environ, f"{SESSION}={asyncio.run(furnish(load(environ), redis.url, now, each))}", now)
        finally:
            redis.stop()


def settings_for(folder: str, redis_url: str) -> dict[str, str]:
    return {
        "HALLWAY_DATA_DIR": folder,
        "HALLWAY_REDIS_URL": redis_url,
        "HALLWAY_ALLOW_HTTP_SOURCES": "true",
        "HALLWAY_ALLOW_PRIVATE_SOURCES": "true",
        "HALLWAY_OIDC_ISSUER": ISSUER,
        "HALLWAY_OIDC_CLIENT_ID": "bench",
        "HALLWAY_OIDC_CLIENT_SECRET": "bench",
        "HALLWAY_LOG_LEVEL": "warning",
    }


async def furnish(settings: Settings, redis_url: str, now: datetime, each: int) -> str:
    """Fill both stores and sign the customer in. Gives the session's id."""
    url = settings.database_url.reveal()
    migrate.upgrade(url)
    database, redis, vault = Database(url), connect(redis_url), Vault(settings.keyring())
    await add_sources(database, vault, now)
    member = await remember(
        database, Identity(issuer=ISSUER, subject=SUBJECT, email=None, name="Jane"), now, trail=TRAIL
    )
    for source, customer in CUSTOMERS.items():
        proof = Proof(fact="benchmark", decided_by="benchmark", decided_at=now)
        login = Login(ISSUER, SUBJECT)
        await link(
            database,
            account=ACCOUNT,
            source=source,
            customer=customer,
            proof=proof,
            name=ACCOUNT_NAME,
            login=login,
            rights=COMPANY,
            trail=TRAIL,
            by=BY,
        )
    offices = await Offices(database, vault, load_connectors(), POLICY).all()
    for (source, kind), records in records_at(now, each).items():
        want = Pull(account=ACCOUNT, customer=CUSTOMERS[source], kind=kind, office=offices[source])
        known = Known(records=tuple(records), fetched_at=now, older=None if each == EACH else "older")
        await Snapshots(redis).put(want.key, pack(want, known), want.lifetime)
    sessions = Sessions(database, redis, SealedIdTokens(vault), utc_now, trail=TRAIL, idle=DAY, lifetime=DAY)
    cookie = await sessions.create(member, ACCOUNT, None)
    await redis.aclose()
    await database.close()
    return cookie


async def add_sources(database: Database, vault: Vault, now: datetime) -> None:
    connectors = load_connectors()
    wanted = desired.parse(SOURCES, connectors, POLICY, environ={"BENCH_SECRET": "bench"}, folder=Path())
    await changes.apply(
        database, vault, await changes.plan(database, vault, connectors, wanted), now, trail=TRAIL, by=BY
    )


def records_at(now: datetime, each: int = EACH) -> dict[tuple[str, Kind], list[Record]]:
    records = records_of(1, now, each)
    return {
        ("erp", "orders"): records["orders"],
        ("erp", "invoices"): records["invoices"],
        ("erp", "tickets"): [],
        ("desk", "tickets"): records["tickets"],
    }
