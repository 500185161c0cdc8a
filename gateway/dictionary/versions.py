"""The published versions of what staff say about statuses. Each is whole, and none is ever changed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.records import Kind
from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.status_tables import StatusDraft, StatusVersion
from gateway.records.tables import Staff
from gateway.wording import NOTHING, Entry, Words, entry_of, places, read_words, stored

LATEST = 50  # versions that a list shows
OVERTAKEN = "Somebody changed this after you opened it."


class ChangedMeanwhileError(Exception):
    """Somebody else was quicker, and nothing was done."""


class Version(Struct, frozen=True, kw_only=True):
    """A published version. `number` 0: nothing was published yet, and every status has its usual words."""

    number: int = 0
    words: Words = {}
    is_quiet: bool = True
    restored: int | None = None
    made_at: datetime | None = None
    made_by: str = ""


class Difference(Struct, frozen=True, kw_only=True):
    """What two dictionaries say of one status."""

    source: str
    kind: Kind
    status: str
    before: Entry
    after: Entry


NONE_YET = Version()


def differences(before: Words, after: Words) -> Iterator[Difference]:
    for source, kind, status in places(before, after):
        old, new = entry_of(before, source, kind, status), entry_of(after, source, kind, status)
        if old != new:
            yield Difference(source=source, kind=kind, status=status, before=old, after=new)


async def live(db: Database) -> Version:
    """Give the version that counts."""
    async with db.read() as session:
        row = await session.scalar(sa.select(StatusVersion).order_by(StatusVersion.number.desc()).limit(1))
    return _version(row) if row else NONE_YET


async def latest(db: Database) -> tuple[Version, ...]:
    """Give the latest versions, the newest first."""
    async with db.read() as session:
        rows = await session.scalars(sa.select(StatusVersion).order_by(StatusVersion.number.desc()).limit(LATEST))
        return tuple(map(_version, rows))


async def version(db: Database, number: int) -> Version | None:
    """Give one version; 0 is the one before the first."""
    async with db.read() as session:
        row = await session.get(StatusVersion, number)
    return _version(row) if row else (NONE_YET if number == 0 else None)


async def publish(
    db: Database, words: Words, *, trail: Trail, by: By, now: datetime, seen: int, is_quiet: bool = True
) -> int:
    """Make a version of words that did not come of the draft, and say which. Raises `ChangedMeanwhileError`.

    `seen` is the version that counted when they were shown.
    """
    return await _write(db, words, trail=trail, by=by, now=now, seen=seen, is_quiet=is_quiet)


async def publish_draft(
    db: Database, *, trail: Trail, by: By, now: datetime, seen: int, draft: int, is_quiet: bool
) -> int:
    """Make a version of the draft, as it was when its version was `draft`. Raises `ChangedMeanwhileError`."""
    return await _write(db, None, trail=trail, by=by, now=now, seen=seen, is_quiet=is_quiet, draft=draft)


async def restore(db: Database, number: int, *, trail: Trail, by: By, now: datetime, seen: int) -> int:
    """Make a new version of an old one. No mail tells of what that changes. Raises `ChangedMeanwhileError`."""
    old = await version(db, number)
    if old is None:
        raise ChangedMeanwhileError(OVERTAKEN)
    return await _write(db, old.words, trail=trail, by=by, now=now, seen=seen, is_quiet=True, restored=number)


async def _write(
    db: Database,
    words: Words | None,
    *,
    trail: Trail,
    by: By,
    now: datetime,
    seen: int,
    is_quiet: bool,
    draft: int | None = None,
    restored: int | None = None,
) -> int:
    try:
        async with db.write() as session:
            before = await _newest(session)
            if before.number != seen:
                raise ChangedMeanwhileError(OVERTAKEN)
            after = words if words is not None else await _taken(session, draft, by, now)
            changed = list(differences(before.words, after))
            session.add(
                StatusVersion(
                    number=seen + 1,
                    words=stored(after),
                    is_quiet=is_quiet,
                    restored=restored,
                    made_at=now,
                    made_by=by.who,
                )
            )
            await session.flush()
            details: dict[str, Any] = {"mails": not is_quiet, "changes": [_told(each) for each in changed]}
            if restored is not None:
                details["restored"] = restored
            await trail.record(
                session,
                Line(what="statuses.published", by=by, owner=by.who, about=f"statuses/{seen + 1}", details=details),
            )
    except IntegrityError as error:  # two published at the same moment
        raise ChangedMeanwhileError(OVERTAKEN) from error
    return seen + 1


async def _taken(session: AsyncSession, version: int | None, by: By, now: datetime) -> Words:
    """Take the draft, which is none any more."""
    row = await session.get(StatusDraft, 1, with_for_update=True)
    if row is None or row.words is None or row.version != version:
        raise ChangedMeanwhileError(OVERTAKEN)
    words = read_words(row.words)
    row.version, row.words, row.changed_at, row.changed_by = row.version + 1, None, now, by.who
    return words


async def _newest(session: AsyncSession) -> Version:
    row = await session.scalar(sa.select(StatusVersion).order_by(StatusVersion.number.desc()).limit(1))
    return _version(row) if row else NONE_YET


def _version(row: StatusVersion) -> Version:
    return Version(
        number=row.number,
        words=read_words(row.words),
        is_quiet=row.is_quiet,
        restored=row.restored,
        made_at=row.made_at,
        made_by=row.made_by,
    )


def _told(each: Difference) -> dict[str, Any]:
    """Write a difference for the trail."""
    told: dict[str, Any] = {"source": each.source, "kind": each.kind, "status": each.status}
    return told | {
        name: msgspec.to_builtins(entry)
        for name, entry in (("before", each.before), ("after", each.after))
        if entry != NOTHING
    }


async def names_of(db: Database, makers: Iterable[str]) -> dict[str, str]:
    """Name who made versions: staff as people know them, others by what they are."""
    names = {each: each for each in makers}
    ids = [who.removeprefix("staff/") for who in names if who.startswith("staff/")]
    async with db.read() as session:
        rows = await session.scalars(sa.select(Staff).where(Staff.id.in_(ids)))
        return names | {f"staff/{row.id}": row.name or row.subject for row in rows}


async def note_rehearsal(db: Database, *, trail: Trail, by: By, draft: int) -> None:
    """Write down that somebody tried the draft on customers' records."""
    async with db.write() as session:
        line = Line(what="statuses.rehearsed", by=by, owner=by.who, about="statuses/draft", details={"draft": draft})
        await trail.record(session, line)


async def note_preview(db: Database, *, trail: Trail, by: By, account: str) -> None:
    """Write down that somebody looked at an account with the words of the draft."""
    async with db.write() as session:
        line = Line(what="statuses.previewed", by=by, owner=by.who, about=f"account/{account}", account=account)
        await trail.record(session, line)
