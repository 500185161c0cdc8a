"""Noticing what is news to customers: each list that was written is compared with what is in its book.

Whoever writes a list notes it, in the same moment. Here a look at it and the mails that follow from it are one
transaction with the new book: so there is one mail for a change, whoever sees it, how often and in whatever order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from cache.client import CacheDown, Client
from cache.noted import Noted
from connectors.errors import ConnectorError, NotFound
from connectors.records import Kind, Record
from gateway.events import Event, Topic, compare, first_book, reworded, to_read
from gateway.feeds.books import Place, Written, due_books, read_books, system_of, write_book
from gateway.feeds.reading import Reading
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.occasions import OFF_FOR, Days, due_next
from gateway.offices import Offices
from gateway.pull import Known, Pull
from gateway.records.database import Database
from gateway.records.identity_tables import Lease
from gateway.records.mail_tables import BookRow
from gateway.records.signposts import signposts
from gateway.records.tables import Link
from gateway.rounds import Seldom
from gateway.wording import say

LASTS = timedelta(minutes=2)
AT_A_TIME = 50  # lists
CALLS = 4  # at once, for all of them
AGAIN_AFTER = 60.0  # seconds, where a source did not answer
DUE_EVERY = timedelta(minutes=1)
# A bill is told to be overdue from this hour on, by the business's clock, and not at midnight.
MORNING = timedelta(hours=8)
REFRESHED_AFTER = timedelta(days=1)  # a book in which nothing changed says at least so often when it was looked at

log = structlog.get_logger()


class Told(Protocol):
    """Who is told of events."""

    async def readers(self, session: AsyncSession, accounts: Collection[str]) -> set[str]:
        """Say for which accounts there is anybody to tell."""

    async def days_before(self, session: AsyncSession) -> int | None:
        """Say how long before a bill is due its customer is told. None: they are not."""

    async def tell(self, session: AsyncSession, topic: Topic, events: Sequence[Event], now: datetime) -> None:
        """Write down what is to be told, once for each event."""


class Look(Struct, frozen=True):
    """A list that is to be compared with its book. `unread`: tickets whose messages could not be read."""

    want: Pull
    known: Known
    system: str
    whole: Mapping[str, Record] = {}
    unread: frozenset[str] = frozenset()

    @property
    def place(self) -> Place:
        return self.want.source, self.want.customer, self.want.kind

    @property
    def records(self) -> list[Record]:
        """The list, with what was read whole in its place, and without what would have to be."""
        return [
            self.whole.get(record.origin.id, record)
            for record in self.known.records
            if record.origin.id not in self.unread
        ]


class Noticing:
    """Looks for news in lists that have changed, and for bills that are overdue. One process does at a time."""

    def __init__(
        self,
        db: Database,
        redis: Client,
        offices: Offices,
        reading: Reading,
        *,
        told: Told,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._db = db
        self._noted = Noted(redis)
        self._offices = offices
        self._reading = reading
        self._told = told
        self._clock = clock
        self._zone = zone
        self._gate = asyncio.Semaphore(CALLS)
        self._days = Seldom(self._look_at_days, clock, every=DUE_EVERY)

    async def turn(self) -> None:
        """Look at all that is noted. Raises `DatabaseDown`."""
        try:
            await self._days.turn()
            if await self._noted.due(1):
                await self._alone(self._look_at_notes)
        except CacheDown:
            log.info("news not looked for: redis is away")

    def today(self) -> date:
        """The day by which a bill is overdue for those who are told so."""
        return (self._clock().astimezone(self._zone) - MORNING).date()

    async def _alone(self, work: Callable[[int], Awaitable[None]]) -> None:
        """Do it if nobody else does."""
        now = self._clock()
        turn = await take_lease(self._db, "news", now, every=timedelta(0), lasts=LASTS)
        if turn is not None:
            await work(turn)
            await end_lease(self._db, "news", turn, self._clock())

    async def _look_at_notes(self, turn: int) -> None:
        while notes := await self._noted.due(AT_A_TIME):
            await self._look_at(list(notes))
            await self._noted.done(notes)
            if not await keep_lease(self._db, "news", turn, self._clock() + LASTS):
                return

    async def _look_at_days(self, now: datetime) -> None:
        """Look at bills whose day has come, as they are now: one that was paid meanwhile is not overdue."""

        async def work(turn: int) -> None:
            await self._forget_after_a_rest(now)
            after: tuple[str, ...] = ()
            while True:
                async with self._db.read() as session:
                    due = await due_books(session, self.today(), after, AT_A_TIME)
                if not due:
                    return
                await self._look_at([msgspec.json.encode(each).decode() for each in due], is_new=True)
                after = due[-1][1:]
                if not await keep_lease(self._db, "news", turn, self._clock() + LASTS):
                    return

        await self._alone(work)

    async def _forget_after_a_rest(self, now: datetime) -> None:
        """Begin all books anew where nobody has looked for long: what happened meanwhile is no news any more."""
        async with self._db.read() as session:
            last = await session.scalar(sa.select(Lease.done_at).where(Lease.name == "news"))
        if last is not None and now - last > OFF_FOR:
            async with self._db.write() as session:
                await session.execute(sa.delete(BookRow))

    async def _look_at(self, notes: Sequence[str], *, is_new: bool = False) -> None:
        """Compare some lists with their books. `is_new`: with what they hold now, within their promise."""
        wants = await self._wants(notes)
        async with self._db.read() as session:
            readers = await self._told.readers(session, {want.account for want in wants})
        begun = await asyncio.gather(
            *(self._begin(want, is_read=want.account in readers, is_new=is_new) for want in wants)
        )
        looks = [each for each in begun if each]
        if not looks:
            return
        async with self._db.read() as session:
            books = await read_books(session, _places(looks))
        read = [self._read_messages(each, books[each.place]) for each in looks if each.want.account in readers]
        others = [each for each in looks if each.want.account not in readers]
        await self._settle([*await asyncio.gather(*read), *others], books)

    async def _wants(self, notes: Sequence[str]) -> list[Pull]:
        """Say which lists are noted, as far as their accounts are still linked to these customers."""
        offices = await self._offices.all()
        named = [msgspec.json.decode(note, type=tuple[str, str, str, Kind]) for note in notes]
        async with self._db.read() as session:
            rows = await session.execute(
                sa.select(Link.source, Link.customer, Link.account_id).where(
                    sa.tuple_(Link.source, Link.customer).in_([(source, customer) for _, source, customer, _ in named])
                )
            )
            linked = {(source, customer): account for source, customer, account in rows}
        return [
            Pull(account=account, customer=customer, kind=kind, office=offices[source])
            for account, source, customer, kind in named
            if linked.get((source, customer)) == account
            and source in offices
            and offices[source].opened
            and kind in offices[source].connector.reads
        ]

    async def _begin(self, want: Pull, *, is_read: bool, is_new: bool) -> Look | None:
        """Give what a list holds. Where too little is kept of it, it is read, if there is anybody to tell."""
        known = await self._reading.kept(want)
        is_late = known is None or (is_new and self._clock() - known.as_of > want.promise)
        if is_late and is_read:
            try:
                async with self._gate:
                    known = await self._reading.anew(want, known)
            except ConnectorError as error:
                log.info("news not looked for yet", source=want.source, kind=want.kind, error=type(error).__name__)
                await self._noted.note(want.note, after=AGAIN_AFTER)
                return None
        if known is None:
            return None
        worded = replace(known, records=say(want.kind, known.records, want.office.said))
        return Look(want, worded, system_of(want.office))

    async def _read_messages(self, its: Look, kept: Written) -> Look:
        """Read the tickets whole that may have an answer."""
        want = its.want
        if kept.book is None or want.kind not in want.office.connector.fetch:
            return its
        asked_at = {record.origin.id: record.origin.fetched_at for record in its.known.records}
        ids = to_read(kept.book, its.known.records)
        found = await asyncio.gather(*(self._read_one(replace(want, record_id=each), asked_at[each]) for each in ids))
        unread = frozenset(each for each, known in zip(ids, found, strict=True) if known is None)
        if unread:
            await self._noted.note(want.note, after=AGAIN_AFTER)
        said = want.office.said
        whole = {record.origin.id: record for known in found if known for record in say(want.kind, known.records, said)}
        return replace(its, whole=whole, unread=unread)

    async def _read_one(self, want: Pull, asked_at: datetime) -> Known | None:
        """Read one record whole, as of its list at least. None: nobody can say yet."""
        known = await self._reading.kept(want)
        if known and known.fetched_at >= asked_at:
            return known
        try:
            async with self._gate:
                return await self._reading.anew(want, known)
        except NotFound:
            return Known(records=(), fetched_at=asked_at)
        except ConnectorError as error:
            log.info("answer not looked for yet", source=want.source, error=type(error).__name__)
            return None

    async def _settle(self, looks: Sequence[Look], read: Mapping[Place, Written]) -> None:
        """Write what is news, and the books in which it is none any more, if they are still those that were read."""
        now = self._clock()
        async with self._db.write() as session:
            merged = await signposts(session, {its.want.account for its in looks})  # there it is looked at anew
            days = Days(self.today(), await self._told.days_before(session))
            books = await read_books(session, _places(looks), lock=True)
            for its in looks:
                # Else somebody was quicker, with what is as new.
                if its.want.account not in merged and books[its.place].turn == read[its.place].turn:
                    await self._compare(session, its, books[its.place], now, days)

    async def _compare(self, session: AsyncSession, its: Look, kept: Written, now: datetime, days: Days) -> None:
        account, (source, _, kind) = its.want.account, its.place
        due_on, said = due_next(its.known.records, days), its.want.office.said
        if kept.book is None:
            book = first_book(its.known.records, system=its.system, at=now, days=days)
        else:
            before = kept.book
            if said.is_quiet and before.words != said.number:
                before = reworded(before, its.records, days)
            book, events = compare(before, its.records, at=now, days=days)
            if events:
                await self._told.tell(session, Topic(account, source, kind), events, now)
            is_recent = now - kept.book.looked_at < REFRESHED_AFTER
            is_same = (book.entries, due_on) == (kept.book.entries, kept.due_on)
            if is_recent and is_same and kept.book.words == said.number:
                return
        book = replace(book, words=said.number)
        await write_book(session, its.place, account, Written(kept.turn + 1, book, due_on))


def _places(looks: Iterable[Look]) -> dict[Place, tuple[str, str]]:
    return {each.place: (each.want.account, each.system) for each in looks}
