"""Members who may not come in for now, or who are to be forgotten. Commands of staff, done with everything at once."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.session_rows import ending
from gateway.audit import Trail
from gateway.links import Login
from gateway.member_rows import about_member, member_of
from gateway.page_rows import drop_contents, lock_contents
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.tables import Member, Membership, Session, UsageEvent


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

    The trail stays whole: it holds what can no longer be opened.
    """
    async with db.write() as session:
        await lock_contents(session)
        member = await member_of(session, login, lock=True)
        ended = await _end(session, member, now)
        accounts = await session.scalars(sa.select(Membership.account_id).where(Membership.member_id == member.id))
        line = Line(
            what="member.erased",
            by=by,
            about=f"member/{member.id}",
            details={"accounts": sorted(accounts), "sessions": len(ended)},
        )
        looking = sa.update(Session).where(Session.viewing_member == member.id)
        viewers = (
            await session.scalars(
                looking.values(viewing_member=None, viewing_account=None, viewing_until=None).returning(Session.id_hash)
            )
        ).all()
        await session.execute(sa.update(UsageEvent).where(UsageEvent.member_id == member.id).values(member_id=None))
        await session.execute(sa.delete(Member).where(Member.id == member.id))
        await drop_contents(session)  # their codes went with them
        await trail.forget(session, line.about)
        await trail.record(session, line)
    return Stopped(member.id, ended, viewers)


async def _end(session: AsyncSession, member: Member, now: datetime) -> Sequence[bytes]:
    ended = await session.scalars(ending(now).where(Session.member_id == member.id).returning(Session.id_hash))
    return ended.all()
