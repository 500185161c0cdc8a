"""What is known of each feed, for staff and for the next start."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.records import Kind
from gateway.offices import Office
from gateway.records.database import Database
from gateway.records.feed_tables import FeedRow
from gateway.records.upsert import insert
from gateway.troubles import note_failure, note_well

CHECKPOINT_EVERY = timedelta(minutes=5)
# A checkpoint that is younger may know of changes that Redis has lost again.
SETTLED = timedelta(minutes=1)


class Feeds:
    """The rows of feeds. Every method raises `DatabaseDown`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def came_to_the_end(self, office: Office, kind: Kind, cursor: str, now: datetime) -> bool:
        """Note that all changes up to a place are known. True: it had failed before."""
        async with self._db.write() as session:
            row = await _row(session, office, kind)
            failed = row.failing_since is not None
            if failed:
                await note_well(session, (office.name, kind), "feed", now)
            row.looked_at, row.failing_since, row.error = now, None, None
            if row.checkpoint_at is None or now - row.checkpoint_at >= CHECKPOINT_EVERY:
                row.checkpoint_before = row.checkpoint
                row.checkpoint, row.checkpoint_at = cursor, now
        return failed

    async def failed(self, office: Office, kind: Kind, error: Exception, now: datetime) -> bool:
        """Note that a look has failed. True: the one before had not."""
        async with self._db.write() as session:
            row = await _row(session, office, kind)
            is_new = row.failing_since is None
            row.failing_since, row.error = row.failing_since or now, f"{type(error).__name__}: {error}"
            await note_failure(session, (office.name, kind), "feed", error, now)
        return is_new

    async def replay_from(self, office: Office, kind: Kind, now: datetime) -> str | None:
        """Give a place before everything that Redis may have lost. None: there is none."""
        its = (FeedRow.source == office.name, FeedRow.kind == kind, FeedRow.version == office.version)
        async with self._db.read() as session:
            row = await session.scalar(sa.select(FeedRow).where(*its))
            if row is None:
                return None
            if row.checkpoint_at and now - row.checkpoint_at >= SETTLED:
                return row.checkpoint
            return row.checkpoint_before


async def _row(session: AsyncSession, office: Office, kind: Kind) -> FeedRow:
    """Find the row of a feed, or make it. What is known of one before its settings changed counts no more."""
    its = (FeedRow.source == office.name, FeedRow.kind == kind)
    new = {"source": office.name, "kind": kind, "version": office.version}
    await session.execute(insert(session, FeedRow).values(**new).on_conflict_do_nothing())
    row = await session.scalar(sa.select(FeedRow).where(*its).with_for_update())
    if row is None:
        raise LookupError("a source that is gone")
    if row.version != office.version:
        row.version, row.checkpoint, row.checkpoint_before, row.checkpoint_at = office.version, None, None, None
    return row
