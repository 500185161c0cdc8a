"""Following a back office: what it costs to bring its changes in, and that it costs no more where many are followed.

The back office is made up, see `bench_ledger`: the pages of its feed lie ready, so that our own work is measured. Redis
and SQLite are real.
"""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import uvloop
from bench_ledger import EACH, SOURCE, Ledger, changes_of, fill, link, read_page
from bench_load import Question, per_second
from bench_report import QUICK, Finding, Rounds, ratio_of_rounds, say
from bench_server import PORTAL, ROOT, Server, running
from bench_warm import SECONDS, home_of, question
from bench_world import POLICY, world
from msgspec import Struct
from msgspec.structs import replace
from support_feeds import FixedOffices

from auth.clock import utc_now
from cache.client import connect
from connectors.config import Config
from connectors.contract import BackOffice
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from gateway.feeds.comparing import Comparing
from gateway.feeds.news import News
from gateway.feeds.reading import Reading
from gateway.feeds.sweeping import Sweeping
from gateway.feeds.sweeps import Sweeps
from gateway.kept import Kept
from gateway.records.database import Database
from gateway.records.urls import parse_url, sqlite_path
from gateway.settings import load

ROUNDS = 3 if QUICK else 9
FEW, MANY = (1_000, 20_000) if QUICK else (1_000, 1_000_000)  # customers
CHANGING = 250  # customers, of each of whom twenty records change
CUSTOMERS, INVOICES = 100_000, 10  # of a large source, of each
TURN = 5.0 if QUICK else 30.0  # seconds of a sweep
PATIENCE = 10.0  # seconds for an answer of Redis
LONGEST = 200  # records of a list
WITHIN = 1.1


class Follower:
    """Brings the changes of a ledger in, in this process."""

    def __init__(self, ledger: Ledger, database: str, redis_url: str) -> None:
        self.ledger = ledger
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._database = Database(database)
        self._redis = connect(redis_url)
        kept = Kept(self._redis)
        gc.freeze()  # as a worker does
        self._news = News(self._database, kept, Reading(kept, utc_now))

    def ingest(self) -> float:
        """Give the records per second, from pages as they came to lists that pages show. All of them are news."""
        pages = self.ledger.pages()
        began = time.perf_counter()
        changed = self._runner.run(self._bring_in(pages))
        taken = time.perf_counter() - began
        if changed != len(self.ledger.changing):
            raise RuntimeError(f"{changed} lists changed, and not {len(self.ledger.changing)}")
        return self._records / taken

    def decode(self) -> float:
        """Give the records per second that are decoded with types, and nothing else."""
        pages = self.ledger.pages()
        began = time.perf_counter()
        for page in pages:
            read_page(page)
        return self._records / (time.perf_counter() - began)

    def close(self) -> None:
        self._runner.run(self._redis.aclose())
        self._runner.run(self._database.close())
        self._runner.close()

    @property
    def _records(self) -> int:
        return len(self.ledger.changing) * EACH

    async def _bring_in(self, pages: list[bytes]) -> int:
        changed = 0
        for page in pages:
            changed += await self._news.bring_in(self.ledger.office, "invoices", changes_of(page), utc_now())
        return changed


def ingest() -> Iterator[tuple[str, Finding]]:
    """B8."""
    with world() as built, follower_in(Ledger(FEW, CHANGING), built.environ) as follower:
        ratio = ratio_of_rounds(ROUNDS, follower.ingest, follower.decode)
    what = "changes through to visible snapshots, records a second / typed decode alone"
    yield "B8", Finding(what=what, value=ratio.value, spread=ratio.spread, at_least=0.20, unit="x")


def growth() -> Iterator[tuple[str, Finding]]:
    """B10: the same changes and the same page among few customers and among many, and with long lists."""
    with grown(FEW) as few, grown(MANY) as many, grown(FEW, LONGEST) as long:
        for letter, other, what in (
            ("a", many, f"{MANY} customers / {FEW}"),
            ("b", long, f"lists of the latest {LONGEST}, of which {EACH} change, / lists of {EACH}"),
        ):
            pages = ratio_of_rounds(ROUNDS, few.pages, other.pages)
            yield f"B10{letter}p", _slower(pages, f"time of Home, rebuilt each time: {what}")
            changes = ratio_of_rounds(ROUNDS, few.follower.ingest, other.follower.ingest)
            yield f"B10{letter}i", _slower(changes, f"time to bring a change in: {what}")


class Grown(Struct, frozen=True):
    """A portal among whose customers one is signed in, and a follower of all the others."""

    follower: Follower
    portal: Server
    home: Question

    def pages(self) -> float:
        return per_second(self.portal.port, self.home, SECONDS)


@contextmanager
def grown(customers: int, each: int = EACH) -> Iterator[Grown]:
    ledger = Ledger(customers, CHANGING, each)
    with (
        world(each) as built,
        follower_in(ledger, built.environ) as follower,
        running(PORTAL, {**built.environ, "HALLWAY_PAGE_CACHE": "0"}) as portal,
    ):
        home_of(portal, built)
        yield Grown(follower, portal, question(built, "/"))


def _slower(ratio: Rounds, what: str) -> Finding:
    return Finding(what=what, value=ratio.value, spread=ratio.spread, at_most=WITHIN, unit="x")


@contextmanager
def follower_in(ledger: Ledger, environ: Mapping[str, str]) -> Iterator[Follower]:
    """Fill the stores of a portal."""
    settings = load(environ)
    database, redis_url = settings.database_url.reveal(), environ["HALLWAY_REDIS_URL"]
    fill(ledger, str(sqlite_path(parse_url(database))), redis_url)
    with patch("cache.client.DEADLINE", PATIENCE):  # this machine may be busy
        follower = Follower(ledger, database, redis_url)
        yield follower
        follower.close()


def scale() -> Iterator[tuple[str, Finding]]:
    """Read a large source for the first time, for a while, and say how it goes. There is no target."""
    ledger = Ledger(CUSTOMERS, 1, INVOICES)
    with world() as built, source(ledger) as port, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        database = load(built.environ).database_url.reveal()
        link(ledger, str(sqlite_path(parse_url(database))))
        for line in runner.run(sweep(ledger, database, built.environ["HALLWAY_REDIS_URL"], port)):
            say(line)
    yield from ()


@contextmanager
def source(ledger: Ledger) -> Iterator[int]:
    """Serve the ledger from a process of its own."""
    command = (sys.executable, "tests/bench_ledger.py", str(ledger.customers), str(ledger.each))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield int(process.stdout.readline())
        process.terminate()


async def sweep(ledger: Ledger, database: str, redis_url: str, port: int) -> list[str]:
    db, redis = Database(database), connect(redis_url)
    http = open_client(f"http://127.0.0.1:{port}", policy=POLICY)
    opened = BackOffice(source=SOURCE, http=http, config=Config(), tokens=MemoryTokens())
    office = replace(ledger.office, opened=opened)
    offices: Any = FixedOffices(office)
    reading = Reading(Kept(redis), utc_now)
    comparing = Comparing(db, offices, reading, utc_now)
    sweeping = Sweeping(db, offices, reading, comparing, utc_now, every=timedelta(days=1))
    before = (await redis.info("memory"))["used_memory"]
    began = time.perf_counter()
    with patch("gateway.feeds.sweeping.PATIENCE", TURN), patch("cache.client.DEADLINE", PATIENCE):
        await sweeping.sweep(SOURCE)
    taken = time.perf_counter() - began
    state = await Sweeps(db).go_on(office, utc_now(), every=timedelta(days=1))
    assert state
    memory = ((await redis.info("memory"))["used_memory"] - before) / state.done
    await http.aclose()
    await redis.aclose()
    await db.close()
    rate = state.done / taken
    looks = timedelta(hours=1) / office.connector.feeds["invoices"].every
    minutes = state.total / rate / 60
    return [
        f"scale  a source of {state.total} customers and {state.total * INVOICES} records, {taken:.0f} s of its sweep:",
        f"       {rate:.0f} lists/s, {rate * INVOICES:.0f} records/s: all of it in {minutes:.0f} min",
        f"       {memory:.0f} bytes of Redis per customer of {INVOICES} records, with who holds them",
        f"       calls an hour: {looks:.0f} for the feed whatever its size, {state.total / 24:.0f} for a daily sweep",
    ]
