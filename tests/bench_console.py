"""How long staff wait for a page of a list that has 100,000 rows, on both databases.

PAGES=adoption,help ONLY=B12 make bench      only the addresses with one of these in them
"""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import psycopg
import sqlalchemy as sa
from bench_console_rows import AT_ONCE, DAY, KINDS, fill, name_of
from bench_report import QUICK, Finding
from support_audit import BY, TRAIL
from support_db import FOLDERS, running_postgresql
from support_portal import ISSUER, KEYS, running

from auth.clock import utc_now
from auth.cookies import SESSION
from auth.provider import Identity
from auth.sessions import Sessions
from cache import embedded
from cache.client import connect
from connectors.addresses import AddressPolicy
from connectors.registry import load_connectors
from gateway.access import remember_staff
from gateway.app import make_app
from gateway.identity.holding import Holding, note
from gateway.identity.inputs import everybody
from gateway.identity.readiness import Preview
from gateway.links import Login
from gateway.offices import Offices
from gateway.records import migrate
from gateway.records.database import Database
from gateway.records.identity_tables import ContactCheck
from gateway.seeing.marking import Marking
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy, Rule, Seen, Segment
from gateway.settings import Settings, load
from gateway.staff import give_role
from gateway.vault import SealedIdTokens, Vault

MANY = 10_000 if QUICK else 100_000
CALLS = 3 if QUICK else 9
LIMIT, HOPELESS = 100.0, 2_000.0  # ms
BASE = "https://portal.example"
SAM = Identity(issuer=ISSUER, subject="sam", email=None, name="Sam")
RARE = name_of(73).split(" Ltd")[0].replace(" ", "+")
ADOPTED, SENT, MEMBERS = "/staff/customers/adoption", "/staff/requests/all", "/staff/segments/one"
INVITE = "/staff/customers/invite"

PAGES = (
    "/staff",
    "/staff/customers",
    f"/staff/customers?page={MANY // 40}",
    f"/staff/customers?page={MANY // 20}",
    f"/staff/customers?q={RARE}",
    "/staff/customers?q=silver",
    "/staff/customers?q=ltd",
    f"/staff/customers?q=ltd&page={MANY // 20}",
    "/staff/customers?q=nobody-at-all",
    f"/staff/customers?only=never&page={MANY // 120}",
    "/staff/customers?only=ambiguous",
    "/staff/customers?only=disabled",
    f"/staff/customers/c{MANY // 2:06}",
    "/staff/customers/readiness",
    f"/staff/customers/readiness?page={MANY * 3 // 160}",
    f"/staff/customers/readiness?page={MANY * 3 // 80}",
    "/staff/customers/readiness?sees=part&page=40",
    f"/staff/customers/readiness?sees=part&page={MANY // 220}",
    "/staff/customers/queue",
    "/staff/customers/queue?page=40",
    INVITE,
    f"{INVITE}?page={MANY // 400}",
    f"{INVITE}?which=ready",
    f"{INVITE}?why=stopped",
    ADOPTED,
    f"{ADOPTED}?page={MANY // 20}",
    f"{ADOPTED}?only=back&page={MANY // 60}",
    f"{ADOPTED}?only=quiet",
    f"{ADOPTED}?only=refused",
    f"{ADOPTED}?q={RARE}",
    f"{ADOPTED}?q=silver",
    f"{ADOPTED}?q=example",
    f"{ADOPTED}?q=example&page={MANY // 30}",
    f"{ADOPTED}?q=nobody-at-all",
    f"{ADOPTED}?q=ltd&only=once",
    "/staff/requests",
    SENT,
    f"{SENT}?page={MANY // 100}",
    f"{SENT}?page={MANY // 50}",
    f"{SENT}?q={RARE}",
    f"{SENT}?q=the+silver",
    f"{SENT}?q=ltd",
    f"{SENT}?q=ltd&page={MANY // 100}",
    f"{SENT}?q=nobody-at-all",
    f"{SENT}?status=sent&topic=Delivery",
    "/staff/deliveries",
    f"/staff/deliveries?page={MANY // 100}",
    f"/staff/deliveries?page={MANY // 50}",
    "/staff/deliveries?status=done&source=erp",
    f"/staff/deliveries?status=done&page={MANY // 90}",
    f"/staff/deliveries?q=d{MANY // 2}",
    "/staff/deliveries/mails",
    f"/staff/deliveries/mails?page={MANY // 60}",
    f"/staff/deliveries/mails?q=c{MANY // 2:06}",
    "/staff/documents",
    f"/staff/documents?page={MANY // 100}",
    f"/staff/documents?page={MANY // 50}",
    "/staff/documents?q=silver",
    "/staff/documents?q=licence",
    "/staff/documents?q=nobody-at-all",
    "/staff/documents?status=received",
    "/staff/help",
    "/staff/help?page=400",
    "/staff/help?show=all",
    "/staff/audit",
    f"/staff/audit?page={MANY // 100}",
    f"/staff/audit?page={MANY // 50}",
    "/staff/audit?who=sam",
    "/staff/audit?what=invitation",
    f"/staff/audit?what=invitation&page={MANY // 400}",
    f"/staff/audit?account=c{MANY // 2:06}",
    "/staff/segments",
    f"{MEMBERS}/hotels/customers",
    f"{MEMBERS}/hotels/customers?page=50",
    f"{MEMBERS}/hotels/customers?q=silver",
    f"{MEMBERS}/everybody-else/customers?page=200",
    f"{MEMBERS}/everybody-else/customers?only=unsure",
)


def pages_of_staff() -> Iterator[tuple[str, Finding]]:
    """B12."""
    for kind in ("sqlite", "postgresql"):
        with TemporaryDirectory(prefix="bench-") as folder, _database(kind, folder) as url:
            redis = embedded.start(Path(folder))
            try:
                times = asyncio.run(_measure(url, redis.url, Path(folder)))
            finally:
                redis.stop()
        for page, took in times.items():
            what = f"{kind}: {page}"
            spread = (min(took), max(took))
            yield f"B12 {what}", Finding(what=what, value=median(took), spread=spread, unit="ms", at_most=LIMIT)


@contextmanager
def _database(kind: str, folder: str) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/hallway.db"
        return
    program = shutil.which("initdb") or shutil.which("initdb", path=os.pathsep.join(FOLDERS))
    if program is None:
        raise RuntimeError("not on this machine: initdb (Debian package postgresql)")
    with running_postgresql(Path(program).resolve().parent) as cluster:
        yield cluster.new_url()


async def _measure(url: str, redis_url: str, folder: Path) -> dict[str, list[float]]:
    migrate.upgrade(url)
    database = Database(url, patience=60.0)
    await fill(database, MANY)
    await _sort(database)
    settings = _settings(url, redis_url, folder)
    await _judge(database, settings)
    _settle(url)
    cookie = await _sign_in(database, settings, redis_url)
    app, wanted = make_app(settings), os.environ.get("PAGES", "").split(",")
    found: dict[str, list[float]] = {}
    async with running(app):
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        headers = {"Accept": "text/html", "Cookie": f"{SESSION}={cookie}"}
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers, timeout=60.0) as browser:
            for page in PAGES:
                if any(each in page for each in wanted):
                    found[page] = await _times(browser, page)
    await database.close()
    return found


async def _times(browser: httpx.AsyncClient, page: str) -> list[float]:
    """Ask for it some times once it is warm; once more is enough of what takes many times too long."""
    await _time(browser, page)
    took = [await _time(browser, page)]
    while len(took) < CALLS and took[0] < HOPELESS:
        took.append(await _time(browser, page))
    return took


async def _time(browser: httpx.AsyncClient, page: str) -> float:
    began = time.perf_counter()
    answer = await browser.get(page)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != httpx.codes.OK:
        sys.stderr.write(f"{answer.status_code} {page}\n")
        return float("inf")
    return took


async def _sort(database: Database) -> None:
    """Publish two segments, and let everybody be sorted."""
    rules = (
        ("hotels", Rule(source="erp", property="category_id", how="contains", values=(KINDS[0],))),
        ("large", Rule(source="erp", property="turnover", how="more_than", values=("80000",))),
    )
    segments = tuple(Segment(name=name, title=name.title(), rule=rule, seen=Seen()) for name, rule in rules)
    await POLICIES.publish(database, Policy(segments=segments), trail=TRAIL, by=BY, now=utc_now(), seen=0)
    await Marking(database, utc_now).turn()


def _settle(url: str) -> None:
    """Let PostgreSQL look at how its tables are filled, as it does by itself within minutes."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


async def _judge(database: Database, settings: Settings) -> None:
    """Let the verdicts about those who are invited be of what is there, and have them compared."""
    offices = Offices(database, Vault(settings.keyring()), load_connectors(), AddressPolicy())
    basis = await Preview(database, offices, utc_now, "off").basis()
    await offices.aclose()
    async with database.read() as session:
        found = [contact async for part in everybody(session, utc_now()) for contact, _ in part]
    for begin in range(0, len(found), AT_ONCE):
        some = found[begin : begin + AT_ONCE]
        rows = [{"invitation_id": each.invitation, "inputs": each.inputs, "basis": basis} for each in some]
        async with database.write() as session:
            await session.execute(sa.update(ContactCheck), rows)
            await note(session, [each.invitation for each in some])
    await Holding(database, utc_now).turn()


async def _sign_in(database: Database, settings: Settings, redis_url: str) -> str:
    staff = await remember_staff(database, SAM, utc_now(), trail=TRAIL)
    await give_role(database, trail=TRAIL, by=BY, login=Login(SAM.issuer, SAM.subject), role="owner")
    redis, seals = connect(redis_url), SealedIdTokens(Vault(settings.keyring()))
    sessions = Sessions(database, redis, seals, utc_now, trail=TRAIL, idle=DAY, lifetime=DAY)
    cookie = await sessions.create_for_staff(staff, None, None, "1")
    await redis.aclose()
    return cookie


def _settings(url: str, redis_url: str, folder: Path) -> Settings:
    return load(
        {
            "HALLWAY_BASE_URL": BASE,
            "HALLWAY_DATABASE_URL": url,
            "HALLWAY_REDIS_URL": redis_url,
            "HALLWAY_DATA_DIR": str(folder),
            "HALLWAY_KEYS": KEYS,
            "HALLWAY_OIDC_ISSUER": ISSUER,
            "HALLWAY_OIDC_CLIENT_ID": "bench",
            "HALLWAY_OIDC_CLIENT_SECRET": "bench",
            "HALLWAY_LOG_LEVEL": "warning",
        }
    )
