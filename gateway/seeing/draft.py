"""What staff are writing of what customers see: one draft, which is true for nobody before it is published."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.dictionary.versions import OVERTAKEN, ChangedMeanwhileError
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.status_tables import VisibilityDraft
from gateway.seeing.differences import told
from gateway.seeing.versions import Version, live, newest
from gateway.segments import Policy, read_policy, stored_policy


class Draft(Struct, frozen=True, kw_only=True):
    """What is being written, and what counts until it is published. `policy` None: nothing is being written."""

    version: int
    policy: Policy | None
    live: Version
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def wanted(self) -> Policy:
        return self.live.policy if self.policy is None else self.policy


async def read_draft(db: Database) -> Draft:
    published = await live(db)
    async with db.read() as session:
        row = await session.scalar(sa.select(VisibilityDraft))
    if row is None:
        return Draft(version=0, policy=None, live=published)
    return Draft(
        version=row.version,
        policy=None if row.document is None else read_policy(row.document),
        live=published,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


async def wanted_in(session: AsyncSession) -> Policy:
    """Give what is being written, or else what counts."""
    document = await session.scalar(sa.select(VisibilityDraft.document))
    return read_policy(document) if document is not None else (await newest(session)).policy


async def change_draft(
    db: Database, change: Callable[[Policy], Policy], *, trail: Trail, by: By, now: datetime, seen: int
) -> None:
    """Write something else. `seen` is the draft's version when it was opened.

    A draft that says what counts already is none. Raises `ChangedMeanwhileError`.
    """
    try:
        async with db.write() as session:
            row = await _locked(session, seen)
            published = (await newest(session)).policy
            before = published if row is None or row.document is None else read_policy(row.document)
            after = change(before)
            document = stored_policy(after)
            if document == stored_policy(before):
                return
            await _keep(session, row, None if document == stored_policy(published) else document, now, by)
            details = {"changes": told(before, after)}
            await trail.record(
                session, Line(what="visibility.drafted", by=by, owner=by.who, about="visibility/draft", details=details)
            )
    except IntegrityError as error:  # two began to write at the same moment
        raise ChangedMeanwhileError(OVERTAKEN) from error


async def discard_draft(db: Database, *, trail: Trail, by: By, now: datetime, seen: int) -> None:
    """Leave everything as it is published. Raises `ChangedMeanwhileError`."""
    async with db.write() as session:
        row = await _locked(session, seen)
        if row is None or row.document is None:
            return
        await _keep(session, row, None, now, by)
        await trail.record(session, Line(what="visibility.discarded", by=by, owner=by.who, about="visibility/draft"))


async def _locked(session: AsyncSession, seen: int) -> VisibilityDraft | None:
    row = await session.get(VisibilityDraft, 1, with_for_update=True)
    if (row.version if row else 0) != seen:
        raise ChangedMeanwhileError(OVERTAKEN)
    return row


async def _keep(
    session: AsyncSession, row: VisibilityDraft | None, document: str | None, now: datetime, by: By
) -> None:
    if row is None:
        session.add(VisibilityDraft(id=1, version=1, document=document, changed_at=now, changed_by=by.who))
    else:
        row.version, row.document, row.changed_at, row.changed_by = row.version + 1, document, now, by.who
    await session.flush()
