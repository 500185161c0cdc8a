"""Documents that customers were asked for, as staff find them, and open what came."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.actions import Attached
from gateway.asked import AskedState, NoSuchDocument, document_line
from gateway.audit import Trail
from gateway.finding import PAGE, Found, page_of, some_of
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument, GivenFile
from gateway.records.ids import first_id
from gateway.records.lines import By
from gateway.records.tables import Account, Member


class DocumentsWanted(Struct, frozen=True, kw_only=True):
    """Which documents: all that is given has to fit. `words` are a part of what it is called, or an account."""

    state: str = ""
    account: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


class AskedRow(Struct, frozen=True, kw_only=True):
    """A document. `person` None: of the company. `files` are their names and sizes, as long as they are kept."""

    id: str
    account: str
    account_name: str
    person: str | None
    label: str
    why: str | None
    about: str | None
    due_on: date | None
    state: AskedState
    reason: str | None
    made_at: datetime
    changed_at: datetime
    files: tuple[tuple[str, int], ...]


async def find(db: Database, wanted: DocumentsWanted, page: int, *, size: int = PAGE) -> Found[AskedRow]:
    """Find documents. Pages count from 1. Raises `DatabaseDown`."""
    async with db.read() as session:
        if wanted.words:
            these = sa.select(AskedDocument.id).where(*_fits(wanted)).order_by(AskedDocument.id.desc())
            some = await some_of(session, these, page, size)
            return Found(await _read(session, some.found), some.count, some.is_more)
        ids, count = await page_of(session, AskedDocument.id, _fits(wanted), page, size)
        return Found(await _read(session, ids), count)


async def one(db: Database, id_: str) -> AskedRow:
    """Raises `NoSuchDocument` and `DatabaseDown`."""
    async with db.read() as session:
        found = await _read(session, [id_])
    if not found:
        raise NoSuchDocument
    return found[0]


async def count_received(db: Database) -> int:
    """Say how many came and wait for a decision. Raises `DatabaseDown`."""
    these = sa.select(sa.func.count(AskedDocument.id)).where(AskedDocument.state == "received")
    async with db.read() as session:
        return await session.scalar(these) or 0


async def open_file(db: Database, *, trail: Trail, by: By, id_: str, place: int) -> Attached:
    """Give staff one of the files, which the trail is told of. Raises `NoSuchDocument`."""
    its = (GivenFile.document_id == id_, GivenFile.place == place)
    async with db.write() as session:
        row = await session.get(AskedDocument, id_)
        columns = sa.select(GivenFile.name, GivenFile.media_type, GivenFile.content)
        file = (await session.execute(columns.where(*its))).one_or_none()
        if row is None or file is None:
            raise NoSuchDocument
        await trail.record(session, document_line("document.opened", by, row, {"file": place}))
    return Attached(*file)


async def _read(session: AsyncSession, ids: Sequence[str]) -> tuple[AskedRow, ...]:
    asked = (
        sa.select(AskedDocument, Account.name, Member)
        .join(Account, Account.id == AskedDocument.account_id)
        .outerjoin(Member, Member.id == AskedDocument.member_id)
        .where(AskedDocument.id.in_(ids))
        .order_by(AskedDocument.id.desc())
    )
    files: dict[str, tuple[tuple[str, int], ...]] = {}
    columns = sa.select(GivenFile.document_id, GivenFile.name, GivenFile.size).where(GivenFile.document_id.in_(ids))
    for document, name, size in await session.execute(columns.order_by(GivenFile.place)):
        files[document] = (*files.get(document, ()), (name, size))
    return tuple(_row(row, name, member, files.get(row.id, ())) for row, name, member in await session.execute(asked))


def _row(row: AskedDocument, account_name: str, member: Member | None, files: tuple[tuple[str, int], ...]) -> AskedRow:
    state: AskedState = row.state  # type: ignore[assignment]  # as it was written
    return AskedRow(
        id=row.id,
        account=row.account_id,
        account_name=account_name,
        person=member.called if member else None,
        label=row.label,
        why=row.why,
        about=row.about,
        due_on=row.due_on,
        state=state,
        reason=row.reason,
        made_at=row.made_at,
        changed_at=row.changed_at,
        files=files,
    )


def _fits(wanted: DocumentsWanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.state:
        found.append(AskedDocument.state == wanted.state)
    if wanted.account:
        found.append(AskedDocument.account_id == wanted.account)
    if wanted.words:
        called = AskedDocument.label.icontains(wanted.words, autoescape=True)
        found.append(sa.or_(called, AskedDocument.account_id == wanted.words))
    if wanted.since:
        found.append(AskedDocument.id >= first_id(wanted.since))
    if wanted.until:
        found.append(AskedDocument.id < first_id(wanted.until))
    return found
