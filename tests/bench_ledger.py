"""A made-up back office of many customers, each with some invoices, who are all linked and whose lists are all kept.

The pages of its feed lie ready as JSON. Customers who never change only fill the stores, for what that may cost.

    python tests/bench_ledger.py 100000 10        serves so many customers with so many invoices each, and says the port
"""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from bench_records import records_of
from msgspec import Struct
from msgspec.structs import replace
from redis import Redis

from cache.holders import _hash
from cache.snapshots import Snapshot, _write
from connectors.config import Config
from connectors.contract import Answer, BackOffice, Changes, ChangesQuery, Connector, Feed, Limits, Page, Query, Scope
from connectors.records import Invoice, Record
from connectors.tokens import MemoryTokens
from gateway.kept import _group
from gateway.offices import Office
from gateway.pull import Known, Pull, pack

SOURCE = "ledger"
EACH = 20  # invoices of a customer
PAGE = 1000  # records
BATCH = 1000  # commands to Redis, and customers
START = datetime(2026, 11, 22, 10, tzinfo=UTC)
WEEK = timedelta(days=7)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class Row(Struct):
    customer: str
    record: Invoice


_rows = msgspec.json.Decoder(list[Row])


class Ledger:
    """`changing` customers, spread over all, change all at once: each of their invoices, `each` of them."""

    def __init__(self, customers: int, changing: int, each: int = EACH) -> None:
        self.customers = customers
        self.changing = [number * (customers // changing) for number in range(changing)]
        self.each = each
        self.office = _office(self)
        self._invoices = [each for each in records_of(1, START)["invoices"] if isinstance(each, Invoice)]
        self._time = 0

    def want(self, customer: int) -> Pull:
        return Pull(account=f"account-{customer}", customer=str(customer), kind="invoices", office=self.office)

    def invoices_of(self, customer: int, each: int | None = None) -> list[Invoice]:
        return [
            _copy(self._invoices[n % EACH], customer * EACH + n if n < EACH else 10**12 + customer * 1000 + n, START)
            for n in range(each or self.each)
        ]

    def pages(self) -> list[bytes]:
        """Change the first invoices of those who change, and give the pages that tell of it, as JSON."""
        self._time += 1
        at = START + timedelta(seconds=self._time)
        rows = [
            Row(str(customer), _copy(invoice, int(invoice.origin.id), at))
            for customer in self.changing
            for invoice in self.invoices_of(customer, EACH)
        ]
        return [msgspec.json.encode(rows[first : first + PAGE]) for first in range(0, len(rows), PAGE)]


def read_page(page: bytes) -> list[Row]:
    """Decode with types, and no more."""
    return _rows.decode(page)


def changes_of(page: bytes) -> Changes[Record]:
    answers: list[Answer[Record]] = [Answer(frozenset([row.customer]), row.record) for row in read_page(page)]
    return Changes(answers=tuple(answers), cursor="0", more=False)


def fill(ledger: Ledger, database: str, redis_url: str) -> None:
    """Link every customer, and keep their lists. `database` is the path of a SQLite file with our tables."""
    link(ledger, database)
    redis = Redis.from_url(redis_url)
    redis.config_set("appendonly", "no")  # what a disk does is not measured
    _keep(ledger, redis)
    _note_holders(ledger, redis)
    redis.close()


def link(ledger: Ledger, database: str) -> None:
    with sqlite3.connect(database) as rows:
        at = f"{START:%Y-%m-%d %H:%M:%S.%f}"
        rows.execute(
            "INSERT INTO sources (name, title, connector, settings, sealed, promises, wins, changed_at)"
            " VALUES (?, ?, ?, '{}', '{}', '{}', '{}', ?)",
            (SOURCE, "Ledger", SOURCE, at),
        )
        everybody = range(ledger.customers)
        rows.executemany(
            "INSERT INTO accounts (id, name, created_at) VALUES (?, ?, ?)",
            ((f"account-{each}", f"Customer {each}", at) for each in everybody),
        )
        rows.executemany(
            "INSERT INTO links (source, customer, account_id, fact, decided_by, decided_at) VALUES (?, ?, ?, ?, ?, ?)",
            ((SOURCE, str(each), f"account-{each}", "benchmark", "benchmark", at) for each in everybody),
        )
    rows.close()


def _keep(ledger: Ledger, redis: Redis) -> None:
    """Keep a list for each: their own of those who change, and of the others one that looks like theirs."""
    like_theirs = pack(ledger.want(0), _known(ledger, 0)).payload
    theirs = {each: pack(ledger.want(each), _known(ledger, each)).payload for each in ledger.changing}
    for some in _batches(range(ledger.customers)):
        pipeline = redis.pipeline(transaction=False)
        for each in some:
            want = ledger.want(each)
            snapshot = Snapshot(owner=want.account, fetched_at=START, payload=theirs.get(each, like_theirs))
            pipeline.set(want.key, _write(snapshot), ex=WEEK)
        pipeline.execute()


def _note_holders(ledger: Ledger, redis: Redis) -> None:
    group = _group(ledger.office, "invoices")
    for some in _batches(range(0, ledger.customers * EACH, 100)):  # a hash each
        pipeline = redis.pipeline(transaction=False)
        for first in some:
            name = _hash(group, str(first))
            pipeline.hset(name, mapping={str(n): str(n // EACH) for n in range(first, first + 100)})
            pipeline.expire(name, WEEK)
        pipeline.execute()


def _known(ledger: Ledger, customer: int) -> Known:
    return Known(records=tuple(ledger.invoices_of(customer)), fetched_at=START)


def _copy(invoice: Invoice, key: int, at: datetime) -> Invoice:
    origin = replace(invoice.origin, source=SOURCE, id=str(key), changed_at=at, fetched_at=at)
    return replace(invoice, origin=origin, number=f"INV-{key}")


def _batches(numbers: range) -> Iterator[Sequence[int]]:
    return (numbers[first : first + BATCH] for first in range(0, len(numbers), BATCH))


class Source(asyncio.Protocol):
    """The ledger over HTTP: the list of one customer by their number, and no changes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            request, _, self._asked = self._asked.partition(b"\r\n\r\n")
            customer = request.split(b" ", 2)[1].removeprefix(b"/").decode()
            invoices = self._ledger.invoices_of(int(customer)) if customer.isdecimal() else []
            body = msgspec.json.encode([Row(customer, each) for each in invoices])
            self._transport.write(HEAD % (len(body), body))


async def serve(ledger: Ledger) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Source(ledger), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _office(ledger: Ledger) -> Office:
    async def read(office: BackOffice[Any], query: Query) -> Page[Record]:
        """Give a customer's list, as an answer over HTTP that has to be read."""
        response = await office.http.get(f"/{query.customer}")
        rows = read_page(response.content)
        return Page(tuple(Answer(frozenset([row.customer]), row.record) for row in rows))

    async def changes(office: BackOffice[Any], query: ChangesQuery) -> Changes[Record]:
        return changes_of((await office.http.get("/changes")).content)

    async def unused(*_: object) -> Any:
        raise NotImplementedError

    connector: Connector[Config] = Connector(
        name=SOURCE,
        title="Ledger",
        config=Config,
        base_url=lambda _: "https://ledger.example",
        auth=lambda *_: None,
        check=unused,
        find=unused,
        reads={"invoices": read},
        reads_open=frozenset(),
        fetch={},
        feeds={"invoices": Feed(read=changes, lag=timedelta(0), whole_every=timedelta(days=1))},
        files={},
        statuses={},
        limits=Limits(concurrent=16),
        scope=Scope(customer="number", proof="the customer that is named"),
    )
    opened = BackOffice(source=SOURCE, http=httpx.AsyncClient(), config=Config(), tokens=MemoryTokens())
    return Office(name=SOURCE, title="Ledger", connector=connector, promises={}, version="1", opened=opened)


if __name__ == "__main__":
    asyncio.run(serve(Ledger(int(sys.argv[1]), 1, int(sys.argv[2]))))
