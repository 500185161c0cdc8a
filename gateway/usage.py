"""What was viewed, finished and left, written down off the path of a request.

No content, no address and no third party: a name, a page of ours, whose account, and at the most a few figures.
What is the same within a second makes one row, whose figure `times` says how often it was if it was more than once.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock, utc_now
from gateway.keeping import KeptFor, always
from gateway.records.database import Database, DatabaseDown
from gateway.records.ids import new_id
from gateway.records.seeing import note_seen, still_there
from gateway.records.signposts import signposts
from gateway.records.tables import UsageEvent
from gateway.rounds import Rounds, Seldom

NAMES = frozenset({"viewed", "finished", "left"})
PAGES = frozenset(
    {
        *("account", "documents", "home", "invoice", "invoices", "order", "orders", "request", "requests", "search"),
        *("again", "answer", "ask", "asked", "mails", "new_request", "other_account", "sent", "statement", "why"),
        *("details", "details_edit", "details_check", "delete_login", "data"),
        *("help", "help_article", "inbox", "welcome"),
        *("invoices-file", "orders-file", "tickets-file"),
    }
)
PURGED_EVERY = timedelta(days=1)
WRITTEN_EVERY = 1.0  # seconds
BATCH = 500  # events in one transaction
ROOM = 10_000  # different events that wait for a database that is away

EVENTS = cast("sa.Table", UsageEvent.__table__)  # rows go in without objects: there are many

log = structlog.get_logger()


class Event(NamedTuple):
    """What was done, by whom and for which account. `figures` are its details."""

    name: str
    page: str
    member_id: str | None
    account_id: str | None
    figures: tuple[tuple[str, int], ...]


class Count(Struct):
    """How often an event was, since when, and the id of its row."""

    id: str
    at: datetime
    times: int


class Usage:
    """Collects events in memory and writes them once a second. `start` it, and `aclose` it to write the last ones."""

    def __init__(
        self, database: Database, *, now: Clock = utc_now, room: int = ROOM, kept_for: KeptFor | None = None
    ) -> None:
        self._kept_for = kept_for or always("usage")
        self._database = database
        self._now = now
        self._room = room
        self._waiting: dict[Event, Count] = {}
        self._rounds = Rounds("usage events", self._turn, every=WRITTEN_EVERY)
        self._purges = Seldom(self._purge, now, every=PURGED_EVERY)
        self.dropped = 0
        self._told = 0
        self._seen: set[str] = set()  # who was here on the day that it begins with

    def record(
        self,
        name: str,
        page: str,
        *,
        member_id: str | None = None,
        account_id: str | None = None,
        detail: Mapping[str, int] | None = None,
    ) -> None:
        """Note an event, at once and without fail. What is not on our lists is not noted: browsers send names too."""
        figures = tuple(detail.items()) if detail else ()
        if name not in NAMES or page not in PAGES or not all(isinstance(figure, int) for _, figure in figures):
            return
        event = Event(name, page, member_id, account_id, figures)
        if waiting := self._waiting.get(event):
            waiting.times += 1
        else:
            self._wait(event, Count(new_id(), self._now(), 1))

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        """Write what is left. What the database does not take now is lost."""
        await self._rounds.finish()
        await self.flush()
        self.dropped += sum(count.times for count in self._waiting.values())
        self._tell()

    async def flush(self) -> None:
        """Write all that waits. It goes on waiting while the database is away."""
        while self._waiting:
            batch = {event: self._waiting.pop(event) for event in list(islice(self._waiting, BATCH))}
            try:
                async with self._database.write() as session:
                    merged = await signposts(session, {event.account_id for event in batch})
                    there = await still_there(session, {event.member_id for event in batch})
                    await session.execute(EVENTS.insert(), [_row(*each, merged, there) for each in batch.items()])
                    new = await self._note_seen(session, batch)
                self._seen |= new
            except DatabaseDown:
                self._put_back(batch)
                return
            except SQLAlchemyError as error:
                self.dropped += sum(count.times for count in batch.values())
                log.error("usage events refused", error=type(error).__name__)  # noqa: TRY400  # a trace shows values

    async def _note_seen(self, session: AsyncSession, batch: Mapping[Event, Count]) -> set[str]:
        """Count the day for those who are here for the first time today, as far as this process knows, and say who."""
        now = self._now()
        day = now.date().isoformat()
        if day not in self._seen or len(self._seen) > self._room:
            self._seen = {day}
        new = {event.member_id for event in batch if event.member_id} - self._seen
        if new:
            await note_seen(session, new, now)
        return new

    async def _turn(self) -> None:
        await self.flush()
        self._tell()
        await self._purges.turn()

    def _tell(self) -> None:
        """Log what was dropped since the last time."""
        if self.dropped > self._told:
            log.warning("usage events dropped", count=self.dropped - self._told)
            self._told = self.dropped

    async def _purge(self, now: datetime) -> None:
        before = now - await self._kept_for()
        async with self._database.write() as session:
            await session.execute(sa.delete(UsageEvent).where(UsageEvent.at < before))

    def _wait(self, event: Event, count: Count) -> None:
        if len(self._waiting) == self._room:  # the oldest makes room
            self.dropped += self._waiting.pop(next(iter(self._waiting))).times
        self._waiting[event] = count

    def _put_back(self, batch: dict[Event, Count]) -> None:
        """Let what was not written wait again. What came meanwhile is newer."""
        newer, self._waiting = self._waiting, batch
        for event, count in newer.items():
            if waiting := batch.get(event):
                waiting.times += count.times
            else:
                self._wait(event, count)


def _row(event: Event, count: Count, merged: Mapping[str | None, str], there: Collection[str]) -> dict[str, Any]:
    """What somebody did who was erased meanwhile counts on, without saying whose it is."""
    detail = dict(event.figures)
    return {
        "id": count.id,
        "at": count.at,
        "name": event.name,
        "page": event.page,
        "member_id": event.member_id if event.member_id in there else None,
        "account_id": merged.get(event.account_id, event.account_id),
        "detail": detail | {"times": count.times} if count.times > 1 else detail,
    }
