"""Colleagues whom a member invites who manages the account: with less than their own rights, at their own domain."""

from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from gateway.audit import Trail
from gateway.grants import NotTheirs
from gateway.identity.invitations import MEMBER, Wish, about_invitation, put_invitation
from gateway.identity.inviting import tell
from gateway.identity.mailboxes import folded, is_free, is_plain
from gateway.member_rows import rights_of
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.lines import By
from gateway.records.stopping import stopped_among
from gateway.records.tables import Member
from gateway.rights import Rights

LASTS = timedelta(days=30)
MOST = 200  # open invitations of one account
Outcome = Literal["done", "already", "here", "unwanted"]


class NotInvited(Exception):  # noqa: N818  # says what is the matter
    """The address is one that only staff may invite."""


async def invite_colleague(
    db: Database,
    *,
    trail: Trail,
    by: By,
    manager: str,
    account: str,
    email: str,
    rights: Rights,
    now: datetime,
    tells: bool = False,
) -> Outcome:
    """Bind the address of a colleague to the account, and write to them if `tells`. Raises `NotTheirs`, `NotInvited`.

    The address must be at the domain of the manager's own: nobody draws a stranger into an account of theirs.
    "already": they were invited, and can still come; "here": they have come; "unwanted": they want no such mails.
    """
    async with db.write() as session:
        own = await rights_of(session, manager, account, lock=True)
        if own is None or not own.manages or rights.manages or not rights.is_within(own):
            raise NotTheirs
        mine = await session.scalar(sa.select(Member.email).where(Member.id == manager))
        if not _is_colleague(mine or "", email):
            raise NotInvited
        still = (Invitation.account_id == account, Invitation.state == "made", Invitation.until > now)
        if (await session.scalars(sa.select(sa.func.count()).select_from(Invitation).where(*still))).one() >= MOST:
            raise NotInvited
        wish = Wish(email=email, account=account, rights=rights, until=now + LASTS)
        row, lines = await put_invitation(session, by, f"{MEMBER}{manager}", wish, now)
        told = await tell(session, by, folded(email), account, now) if tells else ()
        await trail.record(session, *lines, *told)
        if row and row.state == "used":
            return "here"
        if tells and not told and await stopped_among(session, [folded(email)]):
            return "unwanted"
    return "done" if lines or told else "already"


async def withdraw_colleague(db: Database, *, trail: Trail, by: By, manager: str, account: str, email: str) -> None:
    """Let nobody use an invitation that a member made, whoever of those who manage the account that was.

    Raises `NotTheirs` where there is none that could be used, or it is staff's.
    """
    this = (
        Invitation.account_id == account,
        Invitation.email == email,
        Invitation.state == "made",
        Invitation.made_by.startswith(MEMBER),
    )
    async with db.write() as session:
        own = await rights_of(session, manager, account, lock=True)
        row = await session.scalar(sa.select(Invitation).where(*this).with_for_update())
        if own is None or not own.manages or row is None:
            raise NotTheirs
        row.state = "withdrawn"
        await trail.record(session, about_invitation("invitation.withdrawn", by, row))


async def invited_by_members(db: Database, account: str, now: datetime) -> tuple[str, ...]:
    """List the addresses that members have invited and that nobody has come with yet."""
    still = (
        Invitation.account_id == account,
        Invitation.state == "made",
        Invitation.until > now,
        Invitation.made_by.startswith(MEMBER),
    )
    async with db.read() as session:
        return tuple(await session.scalars(sa.select(Invitation.email).where(*still).order_by(Invitation.email)))


def _is_colleague(mine: str, theirs: str) -> bool:
    domains = {folded(address.rpartition("@")[2]) for address in (mine, theirs)}
    return is_plain(mine) and is_plain(theirs) and len(domains) == 1 and not is_free(mine)
