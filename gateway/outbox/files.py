"""The files of what customers send: kept in its transaction, and deleted when it is long done."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.actions import Attached
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.records.tables import Account
from gateway.uploads.checking import MB

DONE = ("sent", "cancelled", "dropped")  # nobody needs the files any more


class TooMuch(Exception):  # noqa: N818  # says what is the matter
    """The account has sent more files in the last while than it may."""


class Quota(Struct, frozen=True, kw_only=True):
    """How much one account may send within a while: bytes, and files."""

    size: int = 200 * MB
    files: int = 200
    within: timedelta = timedelta(days=1)


class FileShown(Struct, frozen=True):
    """A file as its page names it."""

    name: str
    size: int


async def keep(session: AsyncSession, row: OutboxRow, files: Sequence[Attached], quota: Quota) -> None:
    """Keep files with what they go with, in its transaction. Raises `TooMuch`."""
    if not files:
        return
    account_id, now = row.account_id, row.made_at
    # Two forms at once wait for each other here, or both would fit where one does. Rows that name the account may come.
    await session.execute(sa.select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    recent = (OutboxFile.account_id == account_id, OutboxFile.made_at > now - quota.within)
    sums = sa.select(sa.func.coalesce(sa.func.sum(OutboxFile.size), 0), sa.func.count()).where(*recent)
    size, count = (await session.execute(sums)).one()
    if size + sum(len(file.content) for file in files) > quota.size or count + len(files) > quota.files:
        raise TooMuch
    for place, file in enumerate(files):
        session.add(
            OutboxFile(
                id=new_id(),
                outbox_id=row.id,
                account_id=account_id,
                made_at=now,
                place=place,
                name=file.name,
                media_type=file.media_type,
                size=len(file.content),
                sha256=hashlib.sha256(file.content).digest(),
                content=file.content,
            )
        )


async def has_files(db: Database, outbox_id: str) -> bool:
    async with db.read() as session:
        found = sa.select(OutboxFile.id).where(OutboxFile.outbox_id == outbox_id).limit(1)
        return await session.scalar(found) is not None


async def load(db: Database, outbox_id: str) -> tuple[Attached, ...]:
    """Give the files of one thing, in the order in which they were chosen. Raises `DatabaseDown`."""
    columns = (OutboxFile.name, OutboxFile.media_type, OutboxFile.content)
    files = sa.select(*columns).where(OutboxFile.outbox_id == outbox_id).order_by(OutboxFile.place)
    async with db.read() as session:
        return tuple(Attached(*row) for row in await session.execute(files))


async def shown(session: AsyncSession, outbox_ids: Collection[str]) -> dict[str, tuple[FileShown, ...]]:
    """Name the files of several things."""
    if not outbox_ids:
        return {}
    columns = (OutboxFile.outbox_id, OutboxFile.name, OutboxFile.size)
    files = sa.select(*columns).where(OutboxFile.outbox_id.in_(outbox_ids)).order_by(OutboxFile.place)
    found: dict[str, tuple[FileShown, ...]] = {}
    for row in await session.execute(files):
        found[row.outbox_id] = (*found.get(row.outbox_id, ()), FileShown(row.name, row.size))
    return found


async def purge(db: Database, before: datetime) -> None:
    """Delete the files of what was done, or taken back, before then. Raises `DatabaseDown`."""
    ended_at = sa.func.coalesce(OutboxRow.done_at, OutboxRow.tried_at, OutboxRow.made_at)
    done = sa.select(OutboxRow.id).where(OutboxRow.state.in_(DONE), ended_at < before)
    async with db.write() as session:
        await session.execute(sa.delete(OutboxFile).where(OutboxFile.outbox_id.in_(done)))
