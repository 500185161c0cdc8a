"""The published versions of what customers see. Each is whole, and none is ever changed."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.dictionary.versions import LATEST, OVERTAKEN, ChangedMeanwhileError
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.status_tables import VisibilityDraft, VisibilityVersion
from gateway.seeing.differences import told
from gateway.segments import EVERYTHING_TO_ALL, Policy, read_policy, stored_policy


class Version(Struct, frozen=True, kw_only=True):
    """A published version. `number` 0: nothing was published yet, and everybody sees everything."""

    number: int = 0
    policy: Policy = EVERYTHING_TO_ALL
    restored: int | None = None
    made_at: datetime | None = None
    made_by: str = ""


NONE_YET = Version()


async def live(db: Database) -> Version:
    """Give the version that counts."""
    async with db.read() as session:
        return await newest(session)


async def newest(session: AsyncSession) -> Version:
    row = await session.scalar(sa.select(VisibilityVersion).order_by(VisibilityVersion.number.desc()).limit(1))
    return _version(row) if row else NONE_YET


async def latest(db: Database) -> tuple[Version, ...]:
    """Give the latest versions, the newest first."""
    async with db.read() as session:
        rows = await session.scalars(
            sa.select(VisibilityVersion).order_by(VisibilityVersion.number.desc()).limit(LATEST)
        )
        return tuple(map(_version, rows))


async def version(db: Database, number: int) -> Version | None:
    """Give one version; 0 is the one before the first."""
    async with db.read() as session:
        row = await session.get(VisibilityVersion, number)
    return _version(row) if row else (NONE_YET if number == 0 else None)


async def publish(db: Database, policy: Policy, *, trail: Trail, by: By, now: datetime, seen: int) -> int:
    """Make a version of what did not come of the draft, and say which. Raises `ChangedMeanwhileError`.

    `seen` is the version that counted when it was shown.
    """
    return await _write(db, policy, trail=trail, by=by, now=now, seen=seen)


async def publish_draft(db: Database, *, trail: Trail, by: By, now: datetime, seen: int, draft: int) -> int:
    """Make a version of the draft, as it was when its version was `draft`. Raises `ChangedMeanwhileError`."""
    return await _write(db, None, trail=trail, by=by, now=now, seen=seen, draft=draft)


async def restore(db: Database, number: int, *, trail: Trail, by: By, now: datetime, seen: int) -> int:
    """Make a new version of an old one. Raises `ChangedMeanwhileError`."""
    old = await version(db, number)
    if old is None:
        raise ChangedMeanwhileError(OVERTAKEN)
    return await _write(db, old.policy, trail=trail, by=by, now=now, seen=seen, restored=number)


async def _write(
    db: Database,
    policy: Policy | None,
    *,
    trail: Trail,
    by: By,
    now: datetime,
    seen: int,
    draft: int | None = None,
    restored: int | None = None,
) -> int:
    try:
        async with db.write() as session:
            before = await newest(session)
            if before.number != seen:
                raise ChangedMeanwhileError(OVERTAKEN)
            after = policy if policy is not None else await _taken(session, draft, by, now)
            session.add(
                VisibilityVersion(
                    number=seen + 1, document=stored_policy(after), restored=restored, made_at=now, made_by=by.who
                )
            )
            await session.flush()
            details: dict[str, Any] = {"changes": told(before.policy, after)}
            if restored is not None:
                details["restored"] = restored
            about = f"visibility/{seen + 1}"
            await trail.record(
                session, Line(what="visibility.published", by=by, owner=by.who, about=about, details=details)
            )
    except IntegrityError as error:  # two published at the same moment
        raise ChangedMeanwhileError(OVERTAKEN) from error
    return seen + 1


async def _taken(session: AsyncSession, version: int | None, by: By, now: datetime) -> Policy:
    """Take the draft, which is none any more."""
    row = await session.get(VisibilityDraft, 1, with_for_update=True)
    if row is None or row.document is None or row.version != version:
        raise ChangedMeanwhileError(OVERTAKEN)
    policy = read_policy(row.document)
    row.version, row.document, row.changed_at, row.changed_by = row.version + 1, None, now, by.who
    return policy


def _version(row: VisibilityVersion) -> Version:
    return Version(
        number=row.number,
        policy=read_policy(row.document),
        restored=row.restored,
        made_at=row.made_at,
        made_by=row.made_by,
    )


async def note_rehearsal(db: Database, *, trail: Trail, by: By, draft: int) -> None:
    """Write down that somebody tried the draft on customers' records."""
    async with db.write() as session:
        line = Line(
            what="visibility.rehearsed", by=by, owner=by.who, about="visibility/draft", details={"draft": draft}
        )
        await trail.record(session, line)


async def note_preview(db: Database, *, trail: Trail, by: By, account: str) -> None:
    """Write down that somebody looked at an account's pages as they would be with the draft."""
    async with db.write() as session:
        line = Line(what="visibility.previewed", by=by, owner=by.who, about=f"account/{account}", account=account)
        await trail.record(session, line)
