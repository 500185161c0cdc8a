"""Pausing a source: nothing is asked of it, what is known stays, and what comes and goes waits."""

from datetime import datetime

from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line, of_source
from gateway.records.tables import Source


class NoSourceError(Exception):
    """There is no source of this name."""


async def pause(db: Database, *, source: str, now: datetime, trail: Trail, by: By) -> bool:
    """Ask nothing of a source until it is resumed. False: it was paused already. Raises `NoSourceError`.

    Every process knows within `gateway.offices.LOOK_EVERY`; a call that is under way then comes to its end.
    """
    return await _turn(db, source, of_source("source.paused", source, by), trail, now)


async def resume(db: Database, *, source: str, trail: Trail, by: By) -> bool:
    """Ask it again. What waited goes on from where it was. False: it was not paused. Raises `NoSourceError`."""
    return await _turn(db, source, of_source("source.resumed", source, by), trail, None)


async def _turn(db: Database, source: str, line: Line, trail: Trail, paused_at: datetime | None) -> bool:
    async with db.write() as session:
        row = await session.get(Source, source, with_for_update=True)
        if row is None:
            raise NoSourceError(source)
        if (row.paused_at is None) == (paused_at is None):
            return False
        row.paused_at = paused_at
        await session.flush()
        await trail.record(session, line)
        return True
