"""The rows of members and what hangs on them, as all who change something about a member find and tell of them."""

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.links import LinkError, Login
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.tables import Member, Membership, Session
from gateway.rights import Rights


async def member_of(session: AsyncSession, login: Login, *, lock: bool = False) -> Member:
    """Find a member by their login. Raises `LinkError` for somebody we do not know."""
    this = sa.select(Member).where(Member.issuer == login.issuer, Member.subject == login.subject)
    member = await session.scalar(this.with_for_update() if lock else this)
    if member is None:
        raise LinkError("there is no such member: give issuer and subject exactly as the provider does")
    return member


async def rights_of(session: AsyncSession, member_id: str, account_id: str, *, lock: bool = False) -> Rights | None:
    """Read a member's rights in an account. None: they may not act for it."""
    this = sa.select(Membership.rights).where(Membership.member_id == member_id, Membership.account_id == account_id)
    rights = await session.scalar(this.with_for_update() if lock else this)
    return None if rights is None else msgspec.convert(rights, Rights)


async def sessions_of(session: AsyncSession, member_id: str) -> tuple[bytes, ...]:
    """Give the hashes of a member's live sessions, of which copies may be kept."""
    theirs = sa.select(Session.id_hash).where(Session.member_id == member_id, Session.ended_at.is_(None))
    return tuple(await session.scalars(theirs))


async def live_sessions(db: Database, account_id: str) -> tuple[bytes, ...]:
    """Do as `sessions_of_account`, for what is done after a change or before it."""
    async with db.read() as session:
        return await sessions_of_account(session, account_id)


async def login_of(db: Database, account_id: str, member_id: str) -> Login | None:
    """Give the login of somebody who may act for the account. None: there is no such person."""
    this = (
        sa.select(Member.issuer, Member.subject)
        .join(Membership, Membership.member_id == Member.id)
        .where(Member.id == member_id, Membership.account_id == account_id)
    )
    async with db.read() as session:
        row = (await session.execute(this)).one_or_none()
    return Login(row.issuer, row.subject) if row else None


async def sessions_of_account(session: AsyncSession, account_id: str) -> tuple[bytes, ...]:
    """Give the hashes of the live sessions of all who may act for an account."""
    members = sa.select(Membership.member_id).where(Membership.account_id == account_id)
    theirs = sa.select(Session.id_hash).where(Session.member_id.in_(members), Session.ended_at.is_(None))
    return tuple(await session.scalars(theirs))


def about_member(
    what: What,
    by: By,
    member: Member,
    *,
    account: str | None = None,
    details: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
) -> Line:
    """Write a line about a member, whose key seals who it is and what is `personal`."""
    owner = f"member/{member.id}"
    return Line(
        what=what,
        by=by,
        about=owner,
        account=account,
        details=dict(details or {}),
        personal={"issuer": member.issuer, "subject": member.subject, **(personal or {})},
        owner=owner,
    )
