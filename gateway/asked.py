"""Documents that staff ask customers for: asked, received, accepted, or refused with a reason and so asked again.

What is asked of a company is seen by those of its members who see all of its documents; what is asked of one person, by
that person alone. A file stays until some days after it was accepted.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.actions import Attached
from gateway.access import Scope
from gateway.audit import Trail
from gateway.links import LinkError, Login, check_is_there
from gateway.member_rows import member_of, rights_of
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument, GivenFile
from gateway.records.ids import new_id
from gateway.records.lines import By, Line, What
from gateway.records.tables import Account

AskedState = Literal["asked", "received", "accepted", "refused", "withdrawn"]
WANTED: tuple[AskedState, ...] = ("asked", "refused")  # the customer's turn
OVER: tuple[AskedState, ...] = ("accepted", "withdrawn")
MOST = 200  # of an account's, the latest


class AskedError(Exception):
    """It cannot be done to a document. The text says why."""


class NoSuchDocument(AskedError):  # noqa: N818  # says what is
    """There is no such document, or it is none of theirs."""

    def __init__(self) -> None:
        super().__init__("there is no such document: hallway documents list shows them")


class NotWanted(AskedError):  # noqa: N818  # says what is
    """It is not the turn of whoever does this: nothing has come, or it is decided already."""

    def __init__(self, state: str) -> None:
        super().__init__(f"that cannot be done to a document that is {state}")


class Asked(Struct, frozen=True, kw_only=True):
    """A document that was asked for, and the names of the files that came. `reason`: why it was refused."""

    id: str
    account: str
    label: str
    due_on: date | None
    state: AskedState
    reason: str | None
    made_at: datetime
    changed_at: datetime
    files: tuple[str, ...] = ()
    why: str | None = None  # what it is for
    about: str | None = None  # the address of the record that it belongs to

    @property
    def is_wanted(self) -> bool:
        return self.state in WANTED


async def ask(
    db: Database,
    *,
    trail: Trail,
    by: By,
    account: str,
    label: str,
    due_on: date | None,
    login: Login | None,
    now: datetime,
    id_: str | None = None,
    why: str | None = None,
    about: str | None = None,
) -> str:
    """Ask an account, or one of its members alone, for a document, and give its id. Raises `LinkError`.

    `id_` is what its id shall be, so that who asks twice asks once; None: a new one.
    """
    async with db.write() as session:
        whose = await session.get(Account, account, with_for_update={"key_share": True})
        if id_ and await session.scalar(sa.select(AskedDocument.id).where(AskedDocument.id == id_)):
            return id_
        if whose is None:
            raise LinkError(f"there is no account {account!r}")
        check_is_there(whose)
        member = await member_of(session, login) if login else None
        if member and await rights_of(session, member.id, account) is None:
            raise LinkError(f"this member does not act for the account {account!r}")
        row = AskedDocument(
            id=id_ or new_id(),
            account_id=account,
            member_id=member.id if member else None,
            label=label,
            due_on=due_on,
            state="asked",
            made_at=now,
            changed_at=now,
            why=why,
            about=about,
        )
        session.add(row)
        await session.flush()
        await trail.record(
            session, document_line("document.asked", by, row, {"due": due_on.isoformat() if due_on else None})
        )
    return row.id


async def asked_of(session: AsyncSession, scope: Scope) -> tuple[Asked, ...]:
    """List what a member sees of it: what waits for them first, the most urgent at the top."""
    reach = scope.rights.documents
    if reach == "none":
        return ()
    whose = AskedDocument.member_id == scope.member_id
    if reach == "company":
        whose = sa.or_(whose, AskedDocument.member_id.is_(None))
    still = AskedDocument.state != "withdrawn"
    return await _listed(session, AskedDocument.account_id == scope.account_id, whose, still)


async def wanted_of(session: AsyncSession, scopes: Collection[Scope]) -> dict[Scope, tuple[Asked, ...]]:
    """List what waits for members, for those of whose accounts something is wanted."""
    accounts = {scope.account_id for scope in scopes}
    wanted = sa.select(AskedDocument.account_id).where(
        AskedDocument.account_id.in_(accounts), AskedDocument.state.in_(WANTED)
    )
    asked = set(await session.scalars(wanted.distinct())) if accounts else set()
    return {
        scope: tuple(each for each in await asked_of(session, scope) if each.is_wanted)
        for scope in scopes
        if scope.account_id in asked
    }


async def find_asked(db: Database, scope: Scope, id_: str) -> Asked:
    """Raises `NoSuchDocument` for what is none of theirs."""
    async with db.read() as session:
        found = next((each for each in await asked_of(session, scope) if each.id == id_), None)
    if found is None:
        raise NoSuchDocument
    return found


async def asked_documents(db: Database, account: str | None) -> tuple[Asked, ...]:
    """List them for staff."""
    async with db.read() as session:
        return await _listed(session, *([AskedDocument.account_id == account] if account else []))


async def give(
    db: Database, *, trail: Trail, by: By, scope: Scope, id_: str, files: Sequence[Attached], now: datetime
) -> None:
    """Take a customer's files, in place of those that were refused. Raises `NoSuchDocument` and `NotWanted`."""
    await find_asked(db, scope, id_)
    async with db.write() as session:
        row = await _turned(session, id_, WANTED, "received", now)
        row.reason = None
        await session.execute(sa.delete(GivenFile).where(GivenFile.document_id == id_))
        session.add_all(
            GivenFile(
                id=new_id(),
                document_id=id_,
                member_id=scope.member_id,
                made_at=now,
                place=place,
                name=file.name,
                media_type=file.media_type,
                size=len(file.content),
                sha256=hashlib.sha256(file.content).digest(),
                content=file.content,
            )
            for place, file in enumerate(files)
        )
        await session.flush()
        await trail.record(session, document_line("document.received", by, row, {"files": len(files)}))


async def accept(db: Database, *, trail: Trail, by: By, id_: str, now: datetime, seen: str = "") -> None:
    """Say that this is it, also where it came in another way. Raises `NoSuchDocument` and `NotWanted`."""
    async with db.write() as session:
        row = await _turned(session, id_, ("asked", "received", "refused"), "accepted", now, seen=seen)
        row.reason = None
        await trail.record(session, document_line("document.accepted", by, row))


async def refuse(db: Database, *, trail: Trail, by: By, id_: str, reason: str, now: datetime, seen: str = "") -> None:
    """Say that this is not it, and why: the customer reads that. Raises `NoSuchDocument` and `NotWanted`."""
    async with db.write() as session:
        row = await _turned(session, id_, ("received",), "refused", now, seen=seen)
        row.reason = reason
        await trail.record(session, document_line("document.refused", by, row))


async def withdraw(db: Database, *, trail: Trail, by: By, id_: str, now: datetime, seen: str = "") -> None:
    """Ask for it no more: the customer's pages forget it. Raises `NoSuchDocument` and `NotWanted`."""
    async with db.write() as session:
        row = await _turned(session, id_, ("asked", "received", "refused"), "withdrawn", now, seen=seen)
        await trail.record(session, document_line("document.withdrawn", by, row))


async def given_files(db: Database, *, trail: Trail, by: By, id_: str) -> tuple[Attached, ...]:
    """Give staff the files, which the trail is told of. Raises `NoSuchDocument`."""
    columns = (GivenFile.name, GivenFile.media_type, GivenFile.content)
    async with db.write() as session:
        row = await session.get(AskedDocument, id_)
        if row is None:
            raise NoSuchDocument
        files = await session.execute(sa.select(*columns).where(GivenFile.document_id == id_).order_by(GivenFile.place))
        found = tuple(Attached(*each) for each in files)
        await trail.record(session, document_line("document.opened", by, row, {"files": len(found)}))
    return found


async def purge(db: Database, before: datetime) -> None:
    """Delete the files of what was accepted, or asked for no more, before then. Raises `DatabaseDown`."""
    done = sa.select(AskedDocument.id).where(AskedDocument.state.in_(OVER), AskedDocument.changed_at < before)
    async with db.write() as session:
        await session.execute(sa.delete(GivenFile).where(GivenFile.document_id.in_(done)))


async def _turned(
    session: AsyncSession, id_: str, before: Collection[str], after: AskedState, now: datetime, *, seen: str = ""
) -> AskedDocument:
    """Move it on. `seen` is when it had last changed, as whoever decides has seen it."""
    row = await session.scalar(sa.select(AskedDocument).where(AskedDocument.id == id_).with_for_update())
    if row is None:
        raise NoSuchDocument
    if row.state not in before or seen not in {"", row.changed_at.isoformat()}:
        raise NotWanted(row.state)
    row.state, row.changed_at = after, now
    return row


async def _listed(session: AsyncSession, *which: sa.ColumnElement[bool]) -> tuple[Asked, ...]:
    latest = sa.select(AskedDocument).where(*which).order_by(AskedDocument.id.desc()).limit(MOST)
    rows = (await session.scalars(latest)).all()
    if not rows:
        return ()
    names: dict[str, tuple[str, ...]] = {}
    files = sa.select(GivenFile.document_id, GivenFile.name).order_by(GivenFile.place)
    for document, name in await session.execute(files.where(GivenFile.document_id.in_([row.id for row in rows]))):
        names[document] = (*names.get(document, ()), name)
    found = (_asked(row, names.get(row.id, ())) for row in rows)
    return tuple(sorted(found, key=lambda each: (not each.is_wanted, each.is_wanted and (each.due_on or date.max))))


def _asked(row: AskedDocument, files: tuple[str, ...]) -> Asked:
    state: AskedState = row.state  # type: ignore[assignment]  # as it was written
    return Asked(
        id=row.id,
        account=row.account_id,
        label=row.label,
        due_on=row.due_on,
        state=state,
        reason=row.reason,
        made_at=row.made_at,
        changed_at=row.changed_at,
        files=files,
        why=row.why,
        about=row.about,
    )


def document_line(what: What, by: By, row: AskedDocument, details: dict[str, object] | None = None) -> Line:
    """Tell the trail about a document."""
    return Line(
        what=what,
        by=by,
        about=f"document/{row.id}",
        account=row.account_id,
        details=details or {},
        personal={"label": row.label, **({"reason": row.reason} if row.reason else {})},
        owner=f"member/{row.member_id}" if row.member_id else f"account/{row.account_id}",
    )
