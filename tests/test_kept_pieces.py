"""Pieces of pages that are kept: whatever changes, a page made with them is the page that is made without them."""

import secrets
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import time_machine
from bench_records import records_of
from bench_world import CUSTOMERS, POLICY, add_sources
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_portal import Portal, running

from auth.clock import utc_now
from cache.client import connect
from cache.snapshots import Snapshots
from connectors.records import Invoice, Kind, Money, Order, Record, Ticket
from connectors.registry import load_connectors
from gateway import home, pull
from gateway.app import make_app
from gateway.asked import accept, ask, asked_documents
from gateway.offices import Office, Offices
from gateway.pull import Known, Pull, pack
from gateway.records.database import Database
from gateway.records.tables import Account, Membership
from gateway.rights import AREAS, REACHES
from gateway.settings import Settings
from web.frame import Frames
from web.portal import home as home_page
from web.portal import home_rows
from web.portal.home_rows import rows_of

STEPS = 40
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OF = {"alder": "kestrel", "birch": "marten"}  # account -> the word that all of its records hold
PEOPLE = (("ann", "alder"), ("bob", "birch"), ("cleo", "alder"), ("cleo", "birch"), ("dan", "alder"))
PATHS = ("/", "/", "/", "/orders", "/invoices", "/requests?show=all&q=the", "/account")
LISTS: tuple[tuple[str, Kind], ...] = (("erp", "orders"), ("erp", "invoices"), ("desk", "tickets"))
STATES: dict[Kind, tuple[str, ...]] = {
    "orders": ("quoted", "confirmed", "packed", "delivered", "unknown"),
    "invoices": ("open", "part_paid", "paid", "cancelled"),
    "tickets": ("received", "working", "awaiting_customer", "solved"),
}
WORDS = (
    "plain",
    "<script>alert(1)</script>",
    "{{ who.csrf_token }}",
    '" onload="x',
    "\ue0c0\ue0de\ue0c0\ue0df",
    "’&amp;",
)
DAYS = 5  # fewer than the promise of the sources
COPIED_FOR = 11  # seconds, after which no copy of a row is believed
KEEPING = (
    (home, "share_of"),
    (home_rows, "share_of"),
    (home_page, "rows_of"),
    (pull, "_read"),
)

List = tuple[str, str, Kind]  # account, source, kind


class World:
    """Two companies whose records lie in Redis, and the browsers of their people."""

    def __init__(self, portal: Portal, snapshots: Snapshots, offices: Mapping[str, Office], random: Random) -> None:
        self.browsers: dict[tuple[str, str], httpx.AsyncClient] = {}
        self._portal = portal
        self._snapshots = snapshots
        self._offices = offices
        self._random = random
        self._lists: dict[List, tuple[Record, ...]] = {}

    async def furnish(self) -> None:
        for who, account in PEOPLE:
            customers = ((source, f"{customer}-{account}") for source, customer in CUSTOMERS.items())
            await self._portal.link(who, account, *customers)
        for seed, account in enumerate(OF):
            records = records_of(seed, NOON)
            await self._put((account, "erp", "tickets"), ())
            for source, kind in LISTS:
                await self._put((account, source, kind), (_told(each, account) for each in records[kind]))
        await self.sign_in()

    async def sign_in(self) -> None:
        for browser in self.browsers.values():
            await browser.aclose()
        self.browsers = {each: await self._portal.browser(*each) for each in PEOPLE}

    async def change_record(self) -> None:
        """Change one, take it away, or put it in another place of its list."""
        where = self._random.choice(tuple(self._lists))
        records = list(self._lists[where])
        if not records:
            return
        place = self._random.randrange(len(records))
        record = records.pop(place)
        if self._random.random() < 0.8:
            records.insert(self._random.choice((place, 0)), self._changed(where, record))
        await self._put(where, records)

    async def write_again(self) -> None:
        """Store the very same records at another time."""
        where = self._random.choice(tuple(self._lists))
        await self._put(where, self._lists[where])

    async def change_rights(self) -> None:
        rights = {area: self._random.choice(REACHES) for area in AREAS}
        account = self._random.choice(tuple(OF))
        async with self._portal.database.write() as session:
            await session.execute(sa.update(Membership).where(Membership.account_id == account).values(rights=rights))

    async def change_asked(self) -> None:
        """Ask for a document, or take that one came."""
        account, now = self._random.choice(tuple(OF)), utc_now()
        who: dict[str, Any] = {"trail": TRAIL, "by": BY, "now": now}
        id_ = await ask(self._portal.database, account=account, label="Licence", due_on=None, login=None, **who)
        if self._random.random() < 0.4:
            for each in await asked_documents(self._portal.database, account):
                if each.id == id_ or each.is_wanted:
                    await accept(self._portal.database, id_=each.id, **who)

    async def change_name(self) -> None:
        name, account = self._random.choice(WORDS), self._random.choice(tuple(OF))
        async with self._portal.database.write() as session:
            await session.execute(sa.update(Account).where(Account.id == account).values(name=name))

    def _changed(self, where: List, record: Record) -> Record:
        account, _, kind = where
        word, state = f"{self._random.choice(WORDS)} {OF[account]}", self._random.choice(STATES[kind])
        due = utc_now().date() + self._random.randrange(-3, 4) * timedelta(days=1)
        money = Money(self._random.choice(("EUR", "KWD")), Decimal(self._random.randrange(10**6)) / 100)
        match record:
            case Order():
                return replace(record, number=word, state=state, expected_on=due, total=money)
            case Invoice():
                return replace(record, number=word, state=state, due_on=due, open=money)
            case _:
                return replace(record, subject=word, state=state)

    async def _put(self, where: List, records: Iterable[Record]) -> None:
        account, source, kind = where
        self._lists[where] = tuple(records)
        want = Pull(account=account, customer=f"{CUSTOMERS[source]}-{account}", kind=kind, office=self._offices[source])
        known = Known(records=self._lists[where], fetched_at=utc_now())
        (stored,) = (await self._snapshots.get_versioned(account, [want.key])).stored
        assert await self._snapshots.put(want.key, pack(want, known), want.lifetime, stored.head)


def _told(record: Record, account: str) -> Record:
    """Let a record say whose it is."""
    if isinstance(record, Ticket):
        return replace(record, subject=f"{record.subject} {OF[account]}")
    return replace(record, number=f"{record.number} {OF[account]}")


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "hallway.db")
    return f"sqlite:///{tmp_path}/hallway.db"


@contextmanager
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make everything anew, and leave what is kept as it is."""
    around = Frames.around
    with monkeypatch.context() as patched:
        for module, name in KEEPING:
            patched.setattr(module, name, getattr(module, name).__wrapped__)
        patched.setattr(Frames, "around", lambda self, *args, **names: around(Frames(self._html), *args, **names))
        yield


@asynccontextmanager
async def world(settings: Settings, random: Random) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.reveal())
        stack.push_async_callback(database.close)
        redis = connect(settings.redis_url.reveal() if settings.redis_url else "")
        stack.push_async_callback(redis.aclose)
        app = make_app(replace(settings, page_cache=0))
        portal = Portal(app, database, settings)
        stack.push_async_callback(portal.aclose)
        await add_sources(database, portal.vault, NOON)
        offices = Offices(database, portal.vault, load_connectors(), POLICY)
        stack.push_async_callback(offices.aclose)
        await stack.enter_async_context(running(app))
        built = World(portal, Snapshots(redis), await offices.all(), random)
        await built.furnish()
        yield built


async def test_pages_of_kept_pieces_are_those_made_anew(
    portal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = secrets.randbelow(1_000_000)
    random, days = Random(seed), 0
    found: Counter[str] = Counter()
    with time_machine.travel(NOON, tick=True) as clock:
        async with world(portal_settings, random) as built:
            changes = [built.change_record] * 6 + [
                built.write_again,
                built.change_rights,
                built.change_name,
                built.change_asked,
            ]
            for step in range(STEPS):
                if step % (STEPS // DAYS) == STEPS // DAYS - 1:
                    days += 1
                    clock.move_to(NOON + timedelta(days=days))
                    await built.sign_in()
                else:
                    await random.choice(changes)()
                    clock.shift(COPIED_FOR)
                path = random.choice(PATHS)
                for (who, account), browser in built.browsers.items():
                    about = (seed, step, who, account, path)
                    kept = await browser.get(path)
                    with nothing_kept(monkeypatch):
                        anew = await browser.get(path)
                    (other,) = OF.keys() - {account}
                    assert kept.content == anew.content, about
                    assert OF[other] not in kept.text, about
                    found[account] += OF[account] in kept.text
    assert min(found[account] for account in OF) > STEPS // 2, (seed, found)
    assert rows_of.cache_info().hits > STEPS, seed
