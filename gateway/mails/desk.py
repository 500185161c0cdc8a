"""Mails for staff: which went out, and what becomes of those that did not, or of which nobody knows."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.finding import PAGE, Batch, Found, Wanted, fits, page_of
from gateway.mails.queue import names_of
from gateway.mails.turns import State
from gateway.occasions import EventName
from gateway.records.database import Database
from gateway.records.identity_tables import Address
from gateway.records.lines import By, Line, What
from gateway.records.mail_tables import MailRow, RefusedAddress
from gateway.records.tables import Account, Member

STOPPED: Final[tuple[State, ...]] = ("failed", "unknown")  # what staff decide about
STATES: Final[tuple[State, ...]] = ("waiting", "sent", "failed", "unknown", "dropped")
MOST_AT_ONCE: Final = 200  # mails that one decision is about: an address that is sent a thousand is soon refused


class MailError(Exception):
    """There is no such mail, or nothing is to be decided about it. The text says what to do."""


class Sent(Struct, frozen=True, kw_only=True):
    """A mail. `refused_at`: since then the mail server takes none for the address that the member has."""

    id: str
    member: str
    called: str
    address: str | None
    account: str
    account_name: str
    source: str
    kind: str
    record: str
    names: tuple[EventName, ...]
    state: State
    made_at: datetime
    due_at: datetime | None
    handed_at: datetime | None
    ended_at: datetime | None
    resent_at: datetime | None
    tries: int
    error: str | None
    refused_at: datetime | None


async def find(db: Database, wanted: Wanted, page: int, *, size: int = PAGE) -> Found[Sent]:
    """Find mails. Pages count from 1. Raises `DatabaseDown`."""
    async with db.read() as session:
        shown, count = await page_of(session, MailRow.id, _fits(wanted), page, size)
        return Found(await _read(session, shown), count)


async def one(db: Database, id_: str) -> Sent:
    """Raises `MailError` and `DatabaseDown`."""
    async with db.read() as session:
        found = await _read(session, [id_])
    if not found:
        raise MailError("there is no such mail: `hallway mails list` has those that need a decision")
    return found[0]


async def count_stopped(db: Database) -> int:
    """Say how many staff have to decide about. Raises `DatabaseDown`."""
    async with db.read() as session:
        return await session.scalar(sa.select(sa.func.count(MailRow.id)).where(_is_stopped())) or 0


async def decidable(db: Database, wanted: Wanted) -> Batch:
    """Say what a decision would be about now. Raises `DatabaseDown`."""
    its = sa.select(sa.func.count(MailRow.id), sa.func.max(MailRow.id)).where(*_fits(wanted), _is_stopped())
    async with db.read() as session:
        many, upto = (await session.execute(its)).one()
    return Batch(min(many, MOST_AT_ONCE), upto or "")


async def resend(db: Database, *, trail: Trail, by: By, wanted: Wanted, upto: str, now: datetime) -> int:
    """Have them sent as if for the first time, and say how many. Raises `DatabaseDown`.

    Whom they are to may have had an address that was refused: it is believed again.
    """
    async with db.write() as session:
        rows = await _stopped(session, wanted, upto)
        theirs = sa.delete(RefusedAddress).where(RefusedAddress.member_id.in_({row.member_id for row in rows}))
        again = set(await session.scalars(theirs.returning(RefusedAddress.member_id)))
        for row in rows:
            row.state, row.due_at, row.resent_at = "waiting", now, now
            row.tries, row.turn, row.handed_at, row.ended_at, row.error = 0, row.turn + 1, None, None, None
        tried = {"address": "tried again"}
        lines = [_line("mail.sent_again", by, row, tried if row.member_id in again else {}) for row in rows]
        await trail.record(session, *lines)
        return len(rows)


async def settle(db: Database, *, trail: Trail, by: By, wanted: Wanted, upto: str, now: datetime) -> int:
    """Say that nothing is to be done any more, and of how many: they have arrived, or are needed no longer.

    What may have gone out counts as sent from now on, what failed as dropped. Raises `DatabaseDown`.
    """
    async with db.write() as session:
        rows = await _stopped(session, wanted, upto)
        lines = [_line("mail.settled", by, row, {"was": row.state}) for row in rows]
        for row in rows:
            row.state = "sent" if row.state == "unknown" else "dropped"
            row.due_at, row.ended_at, row.turn = None, row.ended_at or now, row.turn + 1
        await trail.record(session, *lines)
        return len(rows)


async def _stopped(session: AsyncSession, wanted: Wanted, upto: str) -> list[MailRow]:
    these = (*_fits(wanted), _is_stopped(), MailRow.id <= upto)
    latest = sa.select(MailRow).where(*these).order_by(MailRow.id.desc()).limit(MOST_AT_ONCE)
    return list(await session.scalars(latest.with_for_update()))


def _line(what: What, by: By, row: MailRow, details: dict[str, str]) -> Line:
    told = {"mail": row.id, "source": row.source, "kind": row.kind, **details}
    owner = f"member/{row.member_id}"
    return Line(what=what, by=by, about=owner, account=row.account_id, details=told, owner=owner)


def _is_stopped() -> sa.ColumnElement[bool]:
    return MailRow.state.in_(STOPPED)


def _fits(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Words are an account, a record or somebody's address."""
    found = fits(wanted, MailRow.id, MailRow.state, MailRow.source)
    if not wanted.state:
        found.append(MailRow.state != "silent")  # those are in the inbox alone
    if wanted.words:
        named = sa.select(Address.member_id).where(Address.address == wanted.words.lower())
        fitting = (MailRow.account_id == wanted.words, MailRow.record == wanted.words, MailRow.member_id.in_(named))
        found.append(MailRow.id.in_(sa.union(*(sa.select(MailRow.id).where(each) for each in fitting))))
    return found


async def _read(session: AsyncSession, ids: list[str]) -> tuple[Sent, ...]:
    refused = sa.and_(RefusedAddress.member_id == Member.id, RefusedAddress.address == Member.email)
    rows = (
        sa.select(MailRow, Member, Account.name, RefusedAddress.refused_at)
        .join(Member, Member.id == MailRow.member_id)
        .join(Account, Account.id == MailRow.account_id)
        .outerjoin(RefusedAddress, refused)
        .where(MailRow.id.in_(ids))
        .order_by(MailRow.id.desc())
    )
    return tuple(_sent(*row) for row in await session.execute(rows))


def _sent(row: MailRow, member: Member, account_name: str, refused_at: datetime | None) -> Sent:
    state: State = row.state  # type: ignore[assignment]  # as it was written
    return Sent(
        id=row.id,
        member=member.id,
        called=member.called,
        address=member.email,
        account=row.account_id,
        account_name=account_name,
        source=row.source,
        kind=row.kind,
        record=row.record,
        names=names_of(row),
        state=state,
        made_at=row.made_at,
        due_at=row.due_at,
        handed_at=row.handed_at,
        ended_at=row.ended_at,
        resent_at=row.resent_at,
        tries=row.tries,
        error=row.error,
        refused_at=refused_at,
    )
