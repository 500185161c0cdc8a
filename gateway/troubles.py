"""What went wrong with the sources, in episodes: since when, how often, and when it was well again.

Those who read records for pages collect here in memory and write every two seconds; feeds write as they look. What a
process had not written when it was killed is lost, and is met with again if it is still so.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from connectors.records import Kind
from gateway.records.database import Database
from gateway.records.feed_tables import TroubleRow
from gateway.records.ids import new_id
from gateway.records.tables import Source as SourceRow
from gateway.rounds import Rounds, Seldom

Place = Literal["feed", "pages"]
Topic = tuple[str, Kind]  # source and kind

WRITTEN_EVERY = 2.0  # seconds
SAME_WITHIN = timedelta(minutes=10)  # what comes again so soon is the same episode
KEPT_FOR = timedelta(days=30)  # after it was well again
PURGED_EVERY = timedelta(hours=1)
LONGEST = 500  # letters of what a system says


class Trouble(Struct, frozen=True, kw_only=True):
    """One episode. `error` is a class of `connectors.errors`, `detail` is for operators; `ended_at` None: it lasts."""

    source: str
    kind: Kind
    place: Place
    error: str
    detail: str
    times: int
    began_at: datetime
    last_at: datetime
    ended_at: datetime | None


class Troubles:
    """Collects what those who read records for pages meet with. `start` it to write, and `aclose` it at the end."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._failed: dict[Topic, tuple[Exception, datetime, int]] = {}
        self._answered: dict[Topic, datetime] = {}
        self._rounds = Rounds("troubles", self._turn, every=WRITTEN_EVERY)
        self._purges = Seldom(self._purge, clock, every=PURGED_EVERY)

    def failed(self, source: str, kind: Kind, error: Exception) -> None:
        _, _, times = self._failed.get((source, kind), (error, None, 0))
        self._failed[source, kind] = (error, self._clock(), times + 1)
        self._answered.pop((source, kind), None)

    def answered(self, source: str, kind: Kind) -> None:
        self._answered[source, kind] = self._clock()

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.finish(self.flush)

    async def flush(self) -> None:
        """Write what was met with. What the database does not take now comes again. Raises `DatabaseDown`."""
        failed, self._failed = self._failed, {}
        answered, self._answered = self._answered, {}
        if not failed and not await self._is_any_open(answered):
            return
        async with self._db.write() as session:
            for topic, (error, at, times) in sorted(failed.items(), key=lambda each: each[0]):
                await note_failure(session, topic, "pages", error, at, times=times)
            for topic, at in sorted(answered.items()):
                await note_well(session, topic, "pages", at)

    async def _is_any_open(self, topics: Collection[Topic]) -> bool:
        """Look before writing: nearly always all is well."""
        if not topics:
            return False
        its = sa.tuple_(TroubleRow.source, TroubleRow.kind).in_(sorted(topics))
        look = sa.select(sa.literal(1)).where(TroubleRow.ended_at.is_(None), TroubleRow.place == "pages", its).limit(1)
        async with self._db.read() as session:
            return await session.scalar(look) is not None

    async def _turn(self) -> None:
        await self.flush()
        await self._purges.turn()

    async def _purge(self, now: datetime) -> None:
        async with self._db.write() as session:
            await session.execute(sa.delete(TroubleRow).where(is_past(now)))


def is_past(now: datetime) -> sa.ColumnElement[bool]:
    """Find what was well again so long ago that the next clean-up takes it."""
    return TroubleRow.ended_at < now - KEPT_FOR


async def note_failure(
    session: AsyncSession, topic: Topic, place: Place, error: Exception, at: datetime, *, times: int = 1
) -> None:
    """Go on with the episode of this error, or begin one. One of another error has ended with it."""
    source, kind = topic
    name, detail = type(error).__name__[:40], str(error)[:LONGEST]
    its = (TroubleRow.source == source, TroubleRow.kind == kind, TroubleRow.place == place)
    rows = await session.scalars(
        sa.select(TroubleRow)
        .where(*its, sa.or_(TroubleRow.ended_at.is_(None), TroubleRow.ended_at > at - SAME_WITHIN))
        .order_by(TroubleRow.id.desc())
        .with_for_update()
    )
    same: TroubleRow | None = None
    for row in rows:
        if row.error == name and same is None:
            same = row
        elif row.ended_at is None:
            row.ended_at = at
    if same is not None:
        same.times, same.last_at, same.ended_at, same.detail = same.times + times, at, None, detail
        return
    known = sa.select(sa.literal(1)).where(SourceRow.name == source)
    if await session.scalar(known) is None:  # removed a moment ago
        return
    new = {"source": source, "kind": kind, "place": place, "error": name, "detail": detail, "times": times}
    session.add(TroubleRow(id=new_id(), **new, began_at=at, last_at=at, ended_at=None))
    await session.flush()


async def note_well(session: AsyncSession, topic: Topic, place: Place, at: datetime) -> None:
    """End what lasted: it was well again at this time."""
    source, kind = topic
    its = (TroubleRow.source == source, TroubleRow.kind == kind, TroubleRow.place == place)
    ends = sa.update(TroubleRow).where(*its, TroubleRow.ended_at.is_(None), TroubleRow.last_at <= at)
    await session.execute(ends.values(ended_at=at))


async def open_troubles(db: Database) -> dict[str, tuple[Trouble, ...]]:
    """Give what lasts, by source, the first one first. Raises `DatabaseDown`."""
    found: dict[str, tuple[Trouble, ...]] = {}
    async with db.read() as session:
        rows = await session.scalars(sa.select(TroubleRow).where(TroubleRow.ended_at.is_(None)).order_by(TroubleRow.id))
        for each in _troubles(rows):
            found[each.source] = (*found.get(each.source, ()), each)
    return found


async def history_of(db: Database, source: str, most: int) -> tuple[Trouble, ...]:
    """Give the last episodes of a source, the latest first. Raises `DatabaseDown`."""
    latest = sa.select(TroubleRow).where(TroubleRow.source == source).order_by(TroubleRow.id.desc()).limit(most)
    async with db.read() as session:
        return tuple(_troubles(await session.scalars(latest)))


def _troubles(rows: Iterable[TroubleRow]) -> Iterable[Trouble]:
    for row in rows:
        yield Trouble(
            source=row.source,
            kind=row.kind,  # type: ignore[arg-type]  # as it was written
            place=row.place,  # type: ignore[arg-type]  # as above
            error=row.error,
            detail=row.detail,
            times=row.times,
            began_at=row.began_at,
            last_at=row.last_at,
            ended_at=row.ended_at,
        )
