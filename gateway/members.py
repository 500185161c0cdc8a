"""Members who may not come in for now, or who are to be forgotten. Commands of staff, done with everything at once."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from auth.session_rows import ending
from gateway.audit import Trail
from gateway.belongings import codes_of, count_belongings, invited
from gateway.links import Login
from gateway.member_rows import about_member, member_of
from gateway.page_rows import drop_contents, lock_contents
from gateway.records.code_tables import SignInCode
from gateway.records.database import Database
from gateway.records.identity_tables import ContactDue, Invitation
from gateway.records.lines import By, Line
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account, Member, Membership, Session, UsageEvent

NOT_GONE_OUT = sa.and_(OutboxRow.in_doubt_since.is_(None), OutboxRow.state != "sending")


class Stopped(Struct, frozen=True):
    """A member who is out, and the hashes of sessions whose copies are to be forgotten.

    `sessions` ended with that; `viewers` are of staff who looked at what the member sees.
    """

    member_id: str
    sessions: Sequence[bytes]
    viewers: Sequence[bytes] = ()


async def disable(db: Database, *, trail: Trail, by: By, login: Login, now: datetime) -> Stopped | None:
    """Let a member sign in no more, and end every session of theirs. None: they were disabled already.

    Raises `LinkError` for somebody we do not know.
    """
    async with db.write() as session:
        member = await member_of(session, login, lock=True)
        if member.disabled_at is not None:
            return None
        member.disabled_at = now
        await session.flush()  # who is about to begin a session of theirs has done so now, or waits for us
        ended = await _end(session, member, now)
        await trail.record(session, about_member("member.disabled", by, member, details={"sessions": len(ended)}))
    return Stopped(member.id, ended)


async def enable(db: Database, *, trail: Trail, by: By, login: Login) -> str | None:
    """Let a member sign in again, and give their id. What has ended stays ended. None: nothing kept them out."""
    async with db.write() as session:
        member = await member_of(session, login, lock=True)
        if member.disabled_at is None:
            return None
        member.disabled_at = None
        await trail.record(session, about_member("member.enabled", by, member))
    return member.id


async def erase(db: Database, *, trail: Trail, by: By, login: Login, now: datetime) -> Stopped:
    """Forget a member: the row, what hangs on it, and the key to what the audit trail knows of the person.

    The trail stays whole: it holds what can no longer be opened. Of what they sent only that stays which may have gone
    out and is not done. Raises `LinkError` for somebody we do not know.
    """
    async with db.write() as session:
        await lock_contents(session)
        member = await member_of(session, login, lock=True)
        held = await count_belongings(session, member.id)
        ended = await _end(session, member, now)
        accounts = await session.scalars(sa.select(Membership.account_id).where(Membership.member_id == member.id))
        line = Line(
            what="member.erased",
            by=by,
            about=f"member/{member.id}",
            details={"accounts": sorted(accounts), "sessions": len(ended), "held": dict(held)},
            owner=by.who if by.who.startswith("staff/") else None,  # from where they did it is their own
        )
        looking = sa.update(Session).where(Session.viewing_member == member.id)
        viewers = (
            await session.scalars(
                looking.values(viewing_member=None, viewing_account=None, viewing_until=None).returning(Session.id_hash)
            )
        ).all()
        await session.execute(sa.update(UsageEvent).where(UsageEvent.member_id == member.id).values(member_id=None))
        theirs = (OutboxRow.member_id == member.id, sa.or_(OutboxRow.done_at.is_not(None), NOT_GONE_OUT))
        await session.execute(sa.delete(OutboxRow).where(*theirs))
        await session.execute(sa.delete(SignInCode).where(codes_of(member.id)))
        await session.execute(sa.delete(ContactDue).where(ContactDue.member_id == member.id))  # first, as who compares
        await session.execute(sa.delete(Invitation).where(invited(member.id)))
        await session.execute(sa.delete(Member).where(Member.id == member.id))
        await drop_contents(session)  # their codes went with them
        await trail.forget(session, line.about)
        await trail.record(session, line)
    return Stopped(member.id, ended, viewers)


class Leaving(Struct, frozen=True, kw_only=True):
    """What goes with a member: their login, and the accounts that nobody would manage, or act for, without them."""

    login: Login
    unmanaged: tuple[str, ...]
    empty: tuple[str, ...]


async def leaving(db: Database, member_id: str) -> Leaving | None:
    """Say what would become of a member's accounts without them. None: there is no such member."""
    others = aliased(Membership)
    mine = (
        sa.select(Account.name, Membership.rights, others.rights)
        .join(Membership, Membership.account_id == Account.id)
        .outerjoin(others, sa.and_(others.account_id == Account.id, others.member_id != member_id))
        .where(Membership.member_id == member_id)
        .order_by(Account.name)
    )
    async with db.read() as session:
        member = await session.get(Member, member_id)
        rows = (await session.execute(mine)).all()
    if member is None:
        return None
    names = dict.fromkeys(name for name, _, _ in rows)
    staying = {name: [theirs for of, _, theirs in rows if of == name and theirs is not None] for name in names}
    managed = {name for name, rights, _ in rows if rights.get("manages")}
    return Leaving(
        login=Login(member.issuer, member.subject),
        unmanaged=tuple(
            name for name in names if name in managed and not any(each.get("manages") for each in staying[name])
        ),
        empty=tuple(name for name in names if not staying[name]),
    )


async def _end(session: AsyncSession, member: Member, now: datetime) -> Sequence[bytes]:
    ended = await session.scalars(ending(now).where(Session.member_id == member.id).returning(Session.id_hash))
    return ended.all()
