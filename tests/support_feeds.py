"""A made-up back office whose history we know, and what one process has to follow it."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import httpx

from auth.clock import Clock
from cache.client import Client
from cache.flight import Flight
from cache.turns import Turns
from connectors.config import Config
from connectors.contract import (
    Answer,
    BackOffice,
    Changes,
    ChangesQuery,
    Connector,
    Feed,
    Limits,
    Page,
    Query,
    RecordQuery,
    Scope,
)
from connectors.errors import ConnectorError, NotFound
from connectors.records import Invoice, Money, Origin, Record
from connectors.tokens import MemoryTokens
from gateway.feeds.comparing import Comparing
from gateway.feeds.following import Following
from gateway.feeds.news import News
from gateway.feeds.reading import Reading
from gateway.feeds.sweeping import Sweeping
from gateway.kept import Kept
from gateway.offices import Office, Offices
from gateway.pull import Known, Pull
from gateway.records.database import Database
from gateway.records.tables import Account, Link, Source
from gateway.supply import Supply

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
EVERY = timedelta(seconds=10)
DAY = timedelta(days=1)


class Ticking:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Ledger:
    """The far end: what it holds, whose each is, and in which order it changed. It counts what it is asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.held: dict[str, tuple[str, int]] = {}  # id -> owner, amount
        self._changed: dict[str, datetime] = {}
        self.log: list[str] = []  # ids, the latest change last
        self.asked: list[str] = []
        self.page = 3
        self.overlap = 0  # how many changes each look goes back
        self.gate: asyncio.Event | None = None  # lists come when it opens
        self.fails: ConnectorError | None = None
        self.fails_after: int | None = None  # pages

    def put(self, key: str, owner: str, amount: int) -> None:
        self.held[key] = owner, amount
        self._note(key)

    def delete(self, key: str) -> None:
        del self.held[key]
        self._note(key)

    def _note(self, key: str) -> None:
        self._changed[key] = max(self._clock(), max(self._changed.values(), default=START)) + timedelta(microseconds=1)
        self.log.append(key)

    def record(self, key: str, asked_at: datetime) -> Invoice:
        money = Money("EUR", Decimal(self.held[key][1]))
        origin = Origin(source="ledger", id=key, changed_at=self._changed[key], fetched_at=asked_at)
        return Invoice(origin=origin, number=key, vendor_state="v", state="open", total=money, open=money)

    def of(self, owner: str) -> dict[str, int]:
        """What a list of this customer's should hold."""
        return {key: amount for key, (whose, amount) in self.held.items() if whose == owner}

    async def read(self, office: BackOffice[Any], query: Query) -> Page[Record]:
        self._ask(f"list of {query.customer}")
        if self.gate:
            await self.gate.wait()
        theirs = self.of(query.customer)
        return Page(tuple(Answer(frozenset({query.customer}), self.record(key, query.asked_at)) for key in theirs))

    async def fetch(self, office: BackOffice[Any], query: RecordQuery) -> Answer[Record]:
        self._ask(query.id)
        if query.id not in self.held:
            raise NotFound(query.id)
        return Answer(frozenset({self.held[query.id][0]}), self.record(query.id, query.asked_at))

    async def changes(self, office: BackOffice[Any], query: ChangesQuery) -> Changes[Record]:
        self._ask("changes")
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0 and self.fails:
                raise self.fails
        if query.cursor is None:
            late = (at for at, key in enumerate(self.log) if self._changed[key] >= query.since)
            start = next(late, len(self.log))
        else:
            start = int(query.cursor)
        end = min(start + self.page, len(self.log))
        keys = dict.fromkeys(self.log[start:end])
        more = end < len(self.log)
        return Changes(
            answers=tuple(
                Answer(frozenset({self.held[key][0]}), self.record(key, query.asked_at))
                for key in keys
                if key in self.held
            ),
            gone=frozenset(key for key in keys if key not in self.held),
            cursor=str(end if more else max(end - self.overlap, 0)),
            more=more,
        )

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.fails and self.fails_after is None:
            raise self.fails

    def office(
        self, *, lag: timedelta = timedelta(0), whole_every: timedelta = DAY, tells_owners: bool = True
    ) -> Office:
        async def unused(*_: object) -> Any:
            raise AssertionError

        connector: Connector[Config] = Connector(
            name="ledger",
            title="Ledger",
            config=Config,
            base_url=lambda _: "https://ledger.example",
            auth=lambda *_: None,
            check=unused,
            find=unused,
            reads={"invoices": self.read},
            reads_open=frozenset(),
            fetch={"invoices": self.fetch},
            feeds={
                "invoices": Feed(
                    read=self.changes, lag=lag, every=EVERY, whole_every=whole_every, tells_owners=tells_owners
                )
            },
            files={},
            statuses={},
            limits=Limits(concurrent=4),
            scope=Scope(customer="number", proof="it says so"),
        )
        opened = BackOffice(source="ledger", http=httpx.AsyncClient(), config=Config(), tokens=MemoryTokens())
        return Office(
            name="ledger",
            title="Ledger",
            connector=connector,
            promises={"invoices": 60},
            version="1",
            opened=opened,
        )


class FixedOffices:
    def __init__(self, *offices: Office) -> None:
        self._offices = {office.name: office for office in offices}

    async def all(self) -> Mapping[str, Office]:
        return self._offices

    async def get(self, name: str) -> Office | None:
        return self._offices.get(name)


class Process:
    """What a process has that follows the ledger."""

    def __init__(self, database: Database, redis: Client, office: Office, clock: Clock) -> None:
        self.offices = offices = cast("Offices", FixedOffices(office))
        self.flight: Flight[Known] = Flight()
        self.kept = Kept(redis)
        self.supply = Supply(self.kept, Turns(redis), self.flight, clock=clock)
        reading = Reading(self.kept, clock)
        news = News(database, self.kept, reading)
        self.following = Following(database, redis, offices, news, clock)
        self.comparing = Comparing(database, offices, reading, clock)
        self.sweeping = Sweeping(database, offices, reading, self.comparing, clock, every=DAY)
        self._office = office

    def want(self, customer: str, account: str | None = None) -> Pull:
        return Pull(account=account or f"acme-{customer}", customer=customer, kind="invoices", office=self._office)

    async def known(self, customer: str) -> Known | None:
        """What is kept of a customer, without asking anybody."""
        return (await self.kept.read([self.want(customer)])).known[0]

    async def as_of(self, customer: str) -> datetime | None:
        known = await self.known(customer)
        return known.as_of if known else None

    async def amounts(self, customer: str) -> dict[str, int] | None:
        known = await self.known(customer)
        return {record.number: int(record.total.amount) for record in known.records} if known else None  # type: ignore[attr-defined]  # invoices


@asynccontextmanager
async def process(database: Database, redis: Client, office: Office, clock: Clock) -> AsyncIterator[Process]:
    made = Process(database, redis, office, clock)
    yield made
    await made.flight.aclose()


async def link(database: Database, *customers: str) -> None:
    """Make an account for each customer, "acme-7" for "7"."""
    async with database.write() as session:
        source = Source(
            name="ledger", title="Ledger", connector="ledger", settings={}, sealed={}, promises={}, changed_at=START
        )
        await session.merge(source)
        await session.flush()
        for customer in customers:
            session.add(Account(id=f"acme-{customer}", name=customer, created_at=START))
            await session.flush()
            session.add(
                Link(
                    source="ledger",
                    customer=customer,
                    account_id=f"acme-{customer}",
                    fact="f",
                    decided_by="d",
                    decided_at=START,
                )
            )


def shuffled(seed: int) -> random.Random:
    return random.Random(seed)  # a test's
