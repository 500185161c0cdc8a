"""Addresses that a person has bound to an account before anybody came with them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.audit import Trail
from gateway.identity.mailboxes import folded, is_plain
from gateway.links import LinkError
from gateway.member_rows import rights_of
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.ids import new_id
from gateway.records.lines import By, Line, What
from gateway.records.signposts import present
from gateway.records.tables import Account, Membership
from gateway.records.upsert import insert
from gateway.rights import Rights

MEMBER = "member/"  # begins who made an invitation, where it was one


class Wish(Struct, frozen=True, kw_only=True):
    """Whom to invite: whoever proves `email` may act for `account` within `rights`, until then."""

    email: str
    account: str
    rights: Rights
    until: datetime
    name: str | None = None
    batch: str | None = None  # the file that it was taken in with


class Invited(Struct, frozen=True, kw_only=True):
    """An invitation as people read it. `state` is as it is now: "expired" also where nobody has noticed yet.

    `mail` is what became of the latest mail about it, None: there is none.
    """

    id: str
    email: str
    name: str | None
    account: str
    state: str
    made_by: str
    until: datetime
    mail: str | None


async def invite(db: Database, *, trail: Trail, by: By, made_by: str, wish: Wish, now: datetime) -> str | None:
    """Bind an address to an account. An invitation that has ended, or whose maker may invite no more, begins anew.

    None: it is bound already, with the same rights, and only the end has changed. Raises `LinkError`.
    """
    async with db.write() as session:
        if await session.get(Account, wish.account) is None:
            raise LinkError(f"there is no account {wish.account!r}: `hallway link` makes one")
        row, lines = await put_invitation(session, by, made_by, wish, now)
        await trail.record(session, *lines)
    return row.id if row and lines else None


async def put_invitation(
    session: AsyncSession, by: By, made_by: str, wish: Wish, now: datetime
) -> tuple[Invitation | None, Sequence[Line]]:
    """Do as `invite`, in a transaction that does more, and give the invitation that counts. No lines: it did before.

    None: somebody invites the same one at this moment, and theirs counts.
    """
    if not is_plain(wish.email):
        raise LinkError("that is not an e-mail address, or one with letters that can be mistaken for others")
    email, rights = folded(wish.email), msgspec.to_builtins(wish.rights)
    if (there := await present(session, wish.account)) != wish.account:
        raise LinkError(f"the account {wish.account!r} was merged into {there!r}: name that one")
    same = (Invitation.email == email, Invitation.account_id == wish.account, counts())
    rows = sa.select(Invitation).where(*same).order_by(Invitation.state.desc())  # one that was used first
    known = (await session.scalars(rows.with_for_update())).first()
    if known and known.state == "used":
        return known, ()
    if known and known.rights == rights:
        is_anew = known.until <= now or await _is_taken_over(session, known, made_by)
        known.until = max(known.until, wish.until)
        known.batch = wish.batch or known.batch
        if not is_anew:
            return known, ()
        known.made_by, known.name, known.mailed_at = made_by, wish.name or known.name, None
        return known, [about_invitation("invitation.made", by, known)]
    if known:
        known.state = "withdrawn"
        await session.flush()
    values = {
        "id": new_id(),
        "email": email,
        "name": wish.name,
        "account_id": wish.account,
        "rights": rights,
        "made_by": made_by,
        "made_at": now,
        "until": wish.until,
        "state": "made",
        "batch": wish.batch,
    }
    put = insert(session, Invitation).values(values).on_conflict_do_nothing().returning(Invitation.id)
    if await session.scalar(put) is None:
        return None, ()
    row = await session.get_one(Invitation, values["id"])
    replaced = [about_invitation("invitation.withdrawn", by, known)] if known else []
    return row, [*replaced, about_invitation("invitation.made", by, row)]


def counts() -> sa.ColumnElement[bool]:
    """Choose invitations that nobody has used yet, and those of people who act for the account still."""
    acting = sa.select(Membership.member_id).where(
        Membership.member_id == Invitation.member_id, Membership.account_id == Invitation.account_id
    )
    return sa.or_(Invitation.state == "made", sa.and_(Invitation.state == "used", acting.exists()))


async def is_still_meant(session: AsyncSession, row: Invitation) -> bool:
    """Tell whether who invited may still give these rights. What staff decided stays."""
    if not row.made_by.startswith(MEMBER):
        return True
    own = await rights_of(session, row.made_by.removeprefix(MEMBER), row.account_id, lock=True)
    return own is not None and own.manages and msgspec.convert(row.rights, Rights).is_within(own)


async def _is_taken_over(session: AsyncSession, row: Invitation, made_by: str) -> bool:
    """Tell whether an open invitation becomes that of whoever invites now: who made it may not, or is no staff."""
    is_of_member = row.made_by.startswith(MEMBER)
    return (is_of_member and not made_by.startswith(MEMBER)) or not await is_still_meant(session, row)


async def invitations(db: Database, now: datetime, account: str | None = None) -> tuple[Invited, ...]:
    """List the invitations of an account, or all, the oldest first."""
    wanted = sa.select(Invitation).order_by(Invitation.made_at, Invitation.id)
    if account is not None:
        wanted = wanted.where(Invitation.account_id == account)
    last = aliased(InvitationMail)
    latest = sa.select(sa.func.max(last.number)).where(last.invitation_id == Invitation.id).correlate(Invitation)
    its = sa.and_(InvitationMail.invitation_id == Invitation.id, InvitationMail.number == latest.scalar_subquery())
    async with db.read() as session:
        rows = (await session.execute(wanted.add_columns(InvitationMail.state).outerjoin(InvitationMail, its))).all()
    return tuple(
        Invited(
            id=row.id,
            email=row.email,
            name=row.name,
            account=row.account_id,
            state="expired" if row.state == "made" and row.until <= now else row.state,
            made_by=row.made_by,
            until=row.until,
            mail=mail,
        )
        for row, mail in rows
    )


async def withdraw(db: Database, *, trail: Trail, by: By, id_: str) -> bool:
    """Let nobody use an invitation any more. False: there is none that could be used."""
    async with db.write() as session:
        row = await session.scalar(sa.select(Invitation).where(Invitation.id == id_).with_for_update())
        if row is None or row.state != "made":
            return False
        row.state = "withdrawn"
        await trail.record(session, about_invitation("invitation.withdrawn", by, row))
    return True


def about_invitation(what: What, by: By, row: Invitation, **details: object) -> Line:
    """Write a line about an invitation. The account's key seals the address: it is the account that invited."""
    return Line(
        what=what,
        by=by,
        about=f"invitation/{row.id}",
        account=row.account_id,
        details={"rights": row.rights, **details},
        personal={"email": row.email, "name": row.name},
        owner=f"account/{row.account_id}",
    )
