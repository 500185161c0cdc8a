"""Forgetting somebody who was invited and never came: there is no member, only an address."""

from collections.abc import Mapping
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.identity.mailboxes import folded
from gateway.links import LinkError
from gateway.records.code_tables import SignInCode
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Address, Invitation
from gateway.records.lines import By, Line

Trace = Literal["invitations", "mails", "codes"]


class CameError(LinkError):
    """Somebody has come with this address: they are a member, and are erased as one."""

    def __init__(self) -> None:
        super().__init__("somebody has come with this address: erase them as a member")


class NeverCame(Struct, frozen=True, kw_only=True):
    """What there is of an address with which nobody came. `accounts` are those to which it was invited."""

    email: str
    accounts: tuple[str, ...]
    held: Mapping[Trace, int]


async def held_of(db: Database, email: str) -> NeverCame:
    """Count it. Raises `LinkError` for an address that nobody invited, `CameError`, and `DatabaseDown`."""
    async with db.read() as session:
        found, _ = await _held(session, folded(email))
    return found


async def forget(db: Database, *, trail: Trail, by: By, email: str) -> NeverCame:
    """Delete the invitations of an address with their mails, and what was asked for with it. Raises as `held_of`.

    The trail stays whole. What its older lines say of the address is sealed with the keys of the accounts.
    """
    async with db.write() as session:
        found, rows = await _held(session, folded(email), lock=True)
        owner = by.who if by.who.startswith("staff/") else None  # from where they did it is their own
        lines = [
            Line(
                what="invitation.erased",
                by=by,
                about=f"invitation/{row.id}",
                account=row.account_id,
                details={"was": row.state, "held": dict(found.held)},
                owner=owner,
            )
            for row in rows
        ]
        await session.execute(sa.delete(SignInCode).where(SignInCode.address == found.email))
        await session.execute(sa.delete(Invitation).where(Invitation.id.in_([row.id for row in rows])))
        await trail.record(session, *lines)
    return found


async def _held(session: AsyncSession, email: str, *, lock: bool = False) -> tuple[NeverCame, list[Invitation]]:
    theirs = sa.select(Invitation).where(Invitation.email == email).order_by(Invitation.id)
    rows = list(await session.scalars(theirs.with_for_update() if lock else theirs))
    came = await session.scalar(sa.select(Address.member_id).where(Address.address == email).limit(1))
    if came is not None or any(row.member_id for row in rows):
        raise CameError
    if not rows:
        raise LinkError("nobody is invited by this address")
    of = InvitationMail.invitation_id.in_([row.id for row in rows])
    mails = await session.scalar(sa.select(sa.func.count(InvitationMail.id)).where(of))
    codes = await session.scalar(sa.select(sa.func.count(SignInCode.id)).where(SignInCode.address == email))
    held: dict[Trace, int] = {"invitations": len(rows), "mails": mails or 0, "codes": codes or 0}
    return NeverCame(email=email, accounts=tuple(sorted({row.account_id for row in rows})), held=held), rows
