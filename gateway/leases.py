"""Work that one process does at a time and every so often: a row says whose turn it is, and when it was done."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from gateway.records.database import Database
from gateway.records.identity_tables import Lease
from gateway.records.upsert import insert

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def take_lease(db: Database, name: str, now: datetime, *, every: timedelta, lasts: timedelta) -> int | None:
    """Begin the work if it is due and nobody does it. Gives a token for `end_lease`; the turn ends by itself, too."""
    free = (
        Lease.name == name,
        Lease.until <= now,
        sa.or_(Lease.done_at.is_(None), Lease.done_at <= now - every),
    )
    mine = sa.update(Lease).where(*free).values(token=Lease.token + 1, until=now + lasts).returning(Lease.token)
    async with db.write() as session:
        new = insert(session, Lease).values(name=name, token=0, until=LONG_AGO).on_conflict_do_nothing()
        await session.execute(new)
        return await session.scalar(mine)


async def keep_lease(db: Database, name: str, token: int, until: datetime) -> bool:
    """Go on for longer. False: another process has taken it over meanwhile."""
    kept = sa.update(Lease).where(Lease.name == name, Lease.token == token).values(until=until).returning(Lease.token)
    async with db.write() as session:
        return await session.scalar(kept) is not None


async def end_lease(db: Database, name: str, token: int, now: datetime) -> bool:
    """Say that the work is done. False: another process has taken it over meanwhile."""
    mine = (Lease.name == name, Lease.token == token)
    done = sa.update(Lease).where(*mine).values(until=now, done_at=now).returning(Lease.token)
    async with db.write() as session:
        return await session.scalar(done) is not None
