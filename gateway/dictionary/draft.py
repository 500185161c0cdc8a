"""What staff are writing about statuses: one draft for all of them, which nobody else sees before it is published."""

from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.records import Kind
from gateway.audit import Trail
from gateway.dictionary.versions import OVERTAKEN, ChangedMeanwhileError, Version, live
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.status_tables import StatusDraft
from gateway.wording import NOTHING, Entry, Words, entry_of, read_words, stored, with_entry


class Draft(Struct, frozen=True, kw_only=True):
    """What is being written, and what counts until it is published. `words` None: nothing is being written."""

    version: int
    words: Words | None
    live: Version
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def wanted(self) -> Words:
        return self.live.words if self.words is None else self.words


async def read_draft(db: Database) -> Draft:
    published = await live(db)
    async with db.read() as session:
        row = await session.scalar(sa.select(StatusDraft))
    if row is None:
        return Draft(version=0, words=None, live=published)
    return Draft(
        version=row.version,
        words=None if row.words is None else read_words(row.words),
        live=published,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


async def change_draft(
    db: Database,
    *,
    trail: Trail,
    by: By,
    now: datetime,
    seen: int,
    source: str,
    kind: Kind,
    status: str,
    entry: Entry,
) -> None:
    """Say something of one status. `seen` is the draft's version when it was opened.

    A draft that says what counts already is none. Raises `ChangedMeanwhileError`.
    """
    published = await live(db)
    try:
        async with db.write() as session:
            row = await _locked(session, seen)
            known = published.words if row is None or row.words is None else read_words(row.words)
            before = entry_of(known, source, kind, status)
            if before == entry:
                return
            words = stored(with_entry(known, source, kind, status, entry))
            kept = None if words == stored(published.words) else words
            await _keep(session, row, kept, now, by)
            told = {
                name: msgspec.to_builtins(said)
                for name, said in (("before", before), ("after", entry))
                if said != NOTHING
            }
            details = {"source": source, "kind": kind, "status": status, **told}
            await trail.record(
                session, Line(what="statuses.drafted", by=by, owner=by.who, about="statuses/draft", details=details)
            )
    except IntegrityError as error:  # two began to write at the same moment
        raise ChangedMeanwhileError(OVERTAKEN) from error


async def discard_draft(db: Database, *, trail: Trail, by: By, now: datetime, seen: int) -> None:
    """Leave everything as it is published. Raises `ChangedMeanwhileError`."""
    async with db.write() as session:
        row = await _locked(session, seen)
        if row is None or row.words is None:
            return
        await _keep(session, row, None, now, by)
        await trail.record(session, Line(what="statuses.discarded", by=by, owner=by.who, about="statuses/draft"))


async def _locked(session: AsyncSession, seen: int) -> StatusDraft | None:
    row = await session.get(StatusDraft, 1, with_for_update=True)
    if (row.version if row else 0) != seen:
        raise ChangedMeanwhileError(OVERTAKEN)
    return row


async def _keep(
    session: AsyncSession, row: StatusDraft | None, words: dict[str, object] | None, now: datetime, by: By
) -> None:
    if row is None:
        session.add(StatusDraft(id=1, version=1, words=words, changed_at=now, changed_by=by.who))
    else:
        row.version, row.words, row.changed_at, row.changed_by = row.version + 1, words, now, by.who
    await session.flush()
