"""Following a back office: what it costs to bring its changes in, and that it costs no more where many are followed.

The back office is made up, see `bench_ledger`: the pages of its feed lie ready, so that our own work is measured. Redis
and SQLite are real.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from bench_ledger import EACH, Ledger, changes_of, fill, read_page
from bench_report import QUICK, Finding, Rounds, ratio_of_rounds

from auth.clock import utc_now
from cache import embedded
from cache.client import connect
from gateway.feeds.news import News
from gateway.feeds.reading import Reading
from gateway.kept import Kept
from gateway.records import migrate
from gateway.records.database import Database

ROUNDS = 3 if QUICK else 9
FEW, MANY = (1_000, 20_000) if QUICK else (1_000, 1_000_000)  # customers
CHANGING = 250  # customers, of each of whom twenty records change
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
    with following(Ledger(FEW, CHANGING)) as follower:
        ratio = ratio_of_rounds(ROUNDS, follower.ingest, follower.decode)
    what = "changes through to visible snapshots, records a second / typed decode alone"
    yield "B8", Finding(what=what, value=ratio.value, spread=ratio.spread, at_least=0.20, unit="x")


def growth() -> Iterator[tuple[str, Finding]]:
    """B10: the same changes among few customers and among many, and in short lists and in long ones."""
    with ExitStack() as stack:
        few, many, long = (
            stack.enter_context(following(ledger))
            for ledger in (Ledger(FEW, CHANGING), Ledger(MANY, CHANGING), Ledger(FEW, CHANGING, LONGEST))
        )
        customers = ratio_of_rounds(ROUNDS, few.ingest, many.ingest)
        records = ratio_of_rounds(ROUNDS, few.ingest, long.ingest)
    yield "B10a", _slower(customers, f"time to bring a change in: {MANY} customers / {FEW}")
    yield "B10b", _slower(records, "time to bring a change in: a list of 200, of which 20 change / a list of 20")


def _slower(ratio: Rounds, what: str) -> Finding:
    return Finding(what=what, value=ratio.value, spread=ratio.spread, at_most=WITHIN, unit="x")


@contextmanager
def following(ledger: Ledger) -> Iterator[Follower]:
    with TemporaryDirectory(prefix="bench-") as folder:
        redis = embedded.start(Path(folder))
        try:
            database = f"sqlite:///{folder}/hallway.db"
            migrate.upgrade(database)
            fill(ledger, f"{folder}/hallway.db", redis.url)
            follower = Follower(ledger, database, redis.url)
            yield follower
            follower.close()
        finally:
            redis.stop()
