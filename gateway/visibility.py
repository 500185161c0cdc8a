"""Deciding what customers see at all."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError

from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.status_tables import Visibility
from gateway.rights import AREAS, REACHES
from gateway.shown import EVERYTHING, GROUPS, Shown, read_shown, stored_shown


class DecidedMeanwhileError(Exception):
    """Somebody else decided after it was opened, and nothing was done."""


class Decided(Struct, frozen=True, kw_only=True):
    """`version` 0: nobody has decided anything, and everything is shown."""

    version: int = 0
    shown: Shown = EVERYTHING
    changed_at: datetime | None = None


async def decided(db: Database) -> Decided:
    async with db.read() as session:
        row = await session.scalar(sa.select(Visibility))
    return Decided(version=row.version, shown=read_shown(row.shown), changed_at=row.changed_at) if row else Decided()


async def decide_shown(db: Database, shown: Shown, *, trail: Trail, by: By, now: datetime, seen: int) -> None:
    """Decide. `seen` is the version that was looked at. Raises `DecidedMeanwhileError`."""
    try:
        async with db.write() as session:
            row = await session.get(Visibility, 1, with_for_update=True)
            if (row.version if row else 0) != seen:
                raise DecidedMeanwhileError
            before, after = stored_shown(read_shown(row.shown if row else None)), stored_shown(shown)
            if before == after:
                return
            if row is None:
                session.add(Visibility(id=1, version=1, shown=after, changed_at=now, changed_by=by.who))
            else:
                row.version, row.shown, row.changed_at, row.changed_by = row.version + 1, after, now, by.who
            await session.flush()
            details = {"before": before, "after": after}
            line = Line(what="visibility.changed", by=by, owner=by.who, about="visibility", details=details)
            await trail.record(session, line)
    except IntegrityError as error:  # two decided at the same moment
        raise DecidedMeanwhileError from error


def hidden_by(before: Shown, after: Shown) -> list[tuple[str, str, bool]]:
    """Name what changes, as an area or a kind with its group, or "" for all of it. True: more is seen than before."""
    changed: list[tuple[str, str, bool]] = [
        (area, "", REACHES.index(after.most.reach(area)) > REACHES.index(before.most.reach(area)))
        for area in AREAS
        if before.most.reach(area) != after.most.reach(area)
    ]
    changed += [
        (kind, group, after.shows(kind, group))
        for kind, groups in GROUPS.items()
        for group in groups
        if before.shows(kind, group) != after.shows(kind, group)
    ]
    return changed
