"""Trying words before they are true: what another dictionary would change of all that is kept, and who would be told.

Nothing is asked of any source, nothing is written, and nothing of it is kept.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from cache.client import Client
from cache.noted import Noted
from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.events import compare
from gateway.feeds.books import Place, read_books, system_of
from gateway.feeds.reading import reading_of
from gateway.occasions import Days, is_still_so
from gateway.offices import LOOK_EVERY, Office, Offices
from gateway.pull import Pull
from gateway.records.database import Database
from gateway.records.tables import Account, Link, Member, Membership
from gateway.statuses import Status, needs_customer, status_of
from gateway.wording import Said, Words, say

BACK = timedelta(days=90)
MOST = 6000  # lists that are looked at: of so many customers it says what of all would take too long
AT_ONCE = 16
IN_A_QUESTION = 200  # books
GROUPS = 40  # that are shown, those with the most records first

Key = tuple[str, Kind, str, Status, Status]


class Group(Struct, frozen=True, kw_only=True):
    """Records of one status that read differently. `example` is one of them."""

    source: str
    title: str
    kind: Kind
    status: str
    before: Status
    after: Status
    records: int
    accounts: int
    example: str


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What would change. `looked_at` are records, of the lists that are kept; `is_all` False: there are more lists.

    `mails` is how many would go out at the most, to `people`. `gained` and `lost` are things that would need the
    customer, or no longer.
    """

    looked_at: int
    records: int
    accounts: int
    gained: int
    lost: int
    mails: int
    groups: tuple[Group, ...]
    is_all: bool


class Tally:
    """Counts while the lists go by."""

    def __init__(self, offices: Mapping[str, Office]) -> None:
        self._offices = offices
        self._records: dict[Key, int] = defaultdict(int)
        self._accounts: dict[Key, set[str]] = defaultdict(set)
        self._examples: dict[Key, tuple[str, str]] = {}
        self.looked_at = self.gained = self.lost = 0

    def take(self, want: Pull, before: Record, after: Record, today: date) -> None:
        self.looked_at += 1
        old, new = status_of(before, today), status_of(after, today)
        needed, needs = needs_customer(before, today), needs_customer(after, today)
        self.gained += needs and not needed
        self.lost += needed and not needs
        if old != new:
            key = (want.source, want.kind, before.vendor_state, old, new)
            self._records[key] += 1
            self._accounts[key].add(want.account)
            self._examples.setdefault(key, (before.number, want.account))

    def rehearsal(self, names: Mapping[str, str], *, mails: int, is_all: bool) -> Rehearsal:
        groups = sorted(self._groups(names), key=lambda group: -group.records)
        return Rehearsal(
            looked_at=self.looked_at,
            records=sum(self._records.values()),
            accounts=len(set[str]().union(*self._accounts.values())),
            gained=self.gained,
            lost=self.lost,
            mails=mails,
            groups=tuple(groups[:GROUPS]),
            is_all=is_all,
        )

    @property
    def shown(self) -> set[str]:
        return {account for _, account in self._examples.values()}

    def _groups(self, names: Mapping[str, str]) -> Iterator[Group]:
        for key, records in self._records.items():
            source, kind, status, before, after = key
            number, account = self._examples[key]
            yield Group(
                source=source,
                title=self._offices[source].title,
                kind=kind,
                status=status,
                before=before,
                after=after,
                records=records,
                accounts=len(self._accounts[key]),
                example=f"{number}, {names.get(account, account)}",
            )


class Rehearsing:
    """Tries dictionaries on what is kept. `sends_mails`: whether any would go out at all."""

    def __init__(self, db: Database, redis: Client, offices: Offices, clock: Clock, *, sends_mails: bool) -> None:
        self._db = db
        self._noted = Noted(redis)
        self._offices = offices
        self._reading = reading_of(redis, clock)
        self._clock = clock
        self.sends_mails = sends_mails

    async def rehearse(self, before: Words, after: Words, today: date) -> Rehearsal:
        """Say what customers would notice. Raises `CacheDown` and `DatabaseDown`."""
        offices = await self._offices.all()
        wants, is_all = await self._wants(offices, before, after)
        tally = Tally(offices)
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(want: Pull) -> tuple[Pull, tuple[Record, ...], tuple[Record, ...]] | None:
            async with gate:
                known = await self._reading.kept(want)
            if known is None:
                return None
            said = Said(kinds=before.get(want.source, {})), Said(kinds=after.get(want.source, {}))
            old, new = (say(want.kind, known.records, each) for each in said)
            for one, other in zip(old, new, strict=True):
                if is_recent(one, self._clock() - BACK):
                    tally.take(want, one, other, today)
            return want, old, new

        looks = [each for each in await asyncio.gather(*map(look, wants)) if each]
        mails = await self._mails(looks, today) if self.sends_mails else 0
        async with self._db.read() as session:
            some = sa.select(Account.id, Account.name).where(Account.id.in_(sorted(tally.shown)))
            names = {row.id: row.name for row in await session.execute(some)}
        return tally.rehearsal(names, mails=mails, is_all=is_all)

    async def tell(self, before: Words, after: Words) -> None:
        """Have all lists looked at that changed words may be news for, once every process has the new ones."""
        if self.sends_mails:
            wants, _ = await self._wants(await self._offices.all(), before, after)
            for want in wants:
                if await self._reading.kept(want):
                    await self._noted.note(want.note, after=LOOK_EVERY + 2)

    async def _wants(self, offices: Mapping[str, Office], before: Words, after: Words) -> tuple[list[Pull], bool]:
        """Name the lists of those kinds of which other things are said. False: there are more than so many."""
        kinds = {
            name: [
                kind
                for kind in office.connector.reads
                if before.get(name, {}).get(kind, {}) != after.get(name, {}).get(kind, {})
            ]
            for name, office in offices.items()
            if office.opened
        }
        concerned = [name for name, its in kinds.items() if its]
        some = sa.select(Link.source, Link.customer, Link.account_id).where(Link.source.in_(concerned))
        async with self._db.read() as session:
            rows = (await session.execute(some.order_by(Link.account_id).limit(MOST + 1))).all()
        wants = [
            Pull(account=account, customer=customer, kind=kind, office=offices[source])
            for source, customer, account in rows
            for kind in kinds[source]
        ]
        return wants[:MOST], len(wants) <= MOST

    async def _mails(self, looks: Iterable[tuple[Pull, tuple[Record, ...], tuple[Record, ...]]], today: date) -> int:
        """Count the mails that would go out by the words alone: at the most one for each reader of each record."""
        changed = [look for look in looks if look[1] is not look[2]]
        told: dict[str, int] = defaultdict(int)
        for first in range(0, len(changed), IN_A_QUESTION):
            some = changed[first : first + IN_A_QUESTION]
            places: dict[Place, tuple[str, str]] = {
                (want.source, want.customer, want.kind): (want.account, system_of(want.office)) for want, _, _ in some
            }
            async with self._db.read() as session:
                books = await read_books(session, places)
            for want, old, new in some:
                if book := books[want.source, want.customer, want.kind].book:
                    now, by_id = self._clock(), {record.origin.id: record for record in new}
                    _, anyway = compare(book, old, at=now, days=Days(today))
                    _, events = compare(book, new, at=now, days=Days(today))
                    known = {(event.record, event.names) for event in anyway}
                    told[want.account] += sum(
                        (event.record, event.names) not in known
                        and is_still_so(event.names, by_id[event.record], today) is not None
                        for event in events
                    )
        accounts = [account for account, many in told.items() if many]
        readers = (
            sa.select(Membership.account_id, sa.func.count())
            .join(Member, Member.id == Membership.member_id)
            .where(Membership.account_id.in_(accounts), Member.disabled_at.is_(None), Member.email.is_not(None))
            .group_by(Membership.account_id)
        )
        async with self._db.read() as session:
            return sum(told[account] * many for account, many in await session.execute(readers))


def is_recent(record: Record, since: datetime) -> bool:
    """Whether something happened to it lately. Of what nobody says when, it may have."""
    if record.origin.changed_at:
        return record.origin.changed_at >= since
    match record:
        case Order(ordered_at=datetime() as at) | Ticket(created_at=at):
            return at >= since
        case Invoice(issued_on=date() as on):
            return on >= since.date()
        case _:
            return True
