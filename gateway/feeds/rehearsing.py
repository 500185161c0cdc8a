"""Trying words before they are true: what another dictionary would change of all that is kept, and who would be told.

Nothing is asked of any source, nothing is written, and nothing of it is kept.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from cache.client import Client
from cache.noted import Noted
from connectors.records import Kind, Record
from gateway.events import compare
from gateway.feeds.books import Place, read_books, system_of
from gateway.feeds.reading import reading_of
from gateway.feeds.trying import AT_ONCE, BACK, Grouped, Grouping, is_recent, lists_of
from gateway.occasions import Days, is_still_so
from gateway.offices import LOOK_EVERY, Office, Offices
from gateway.pull import Pull
from gateway.records.database import Database
from gateway.records.tables import Member, Membership
from gateway.statuses import Status, needs_customer, status_of
from gateway.wording import Said, Words, say

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


class Wordless(Struct, frozen=True, kw_only=True):
    """A status that would still be without words, and of how many records."""

    source: str
    title: str
    kind: Kind
    status: str
    records: int


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What would change. `looked_at` are records, of the lists that are kept; `is_all` False: there are more lists.

    `unmapped` are statuses among them that the new words do not know either.

    `mails` is how many would go out at the most. `gained` and `lost` are things that would need the customer, or no
    longer.
    """

    looked_at: int
    records: int
    accounts: int
    gained: int
    lost: int
    mails: int
    groups: tuple[Group, ...]
    unmapped: tuple[Wordless, ...]
    is_all: bool


class Tally:
    """Counts while the lists go by."""

    def __init__(self) -> None:
        self.grouping: Grouping[Key] = Grouping()
        self.unmapped = Counter[tuple[str, Kind, str]]()
        self.looked_at = self.gained = self.lost = 0

    def take(self, want: Pull, before: Record, after: Record, today: date) -> None:
        self.looked_at += 1
        old, new = status_of(before, today), status_of(after, today)
        needed, needs = needs_customer(before, today), needs_customer(after, today)
        self.gained += needs and not needed
        self.lost += needed and not needs
        if after.state == "unknown":
            self.unmapped[want.source, want.kind, after.vendor_state] += 1
        if old != new:
            self.grouping.take((want.source, want.kind, before.vendor_state, old, new), before, want.account)


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
        tally = Tally()
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
        found = await tally.grouping.groups(self._db)
        return Rehearsal(
            looked_at=tally.looked_at,
            records=tally.grouping.records,
            accounts=tally.grouping.accounts,
            gained=tally.gained,
            lost=tally.lost,
            mails=mails,
            groups=tuple(_groups(found[:GROUPS], offices)),
            unmapped=tuple(_unmapped(tally.unmapped, offices)),
            is_all=is_all,
        )

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
        return await lists_of(self._db, offices, kinds)

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


def _groups(found: Iterable[Grouped[Key]], offices: Mapping[str, Office]) -> Iterator[Group]:
    for each in found:
        source, kind, status, before, after = each.what
        yield Group(
            source=source,
            title=offices[source].title,
            kind=kind,
            status=status,
            before=before,
            after=after,
            records=each.records,
            accounts=each.accounts,
            example=each.example,
        )


def _unmapped(found: Counter[tuple[str, Kind, str]], offices: Mapping[str, Office]) -> Iterator[Wordless]:
    for (source, kind, status), records in found.most_common(GROUPS):
        yield Wordless(source=source, title=offices[source].title, kind=kind, status=status, records=records)
