"""Writing to those who are invited: whom, whom not and why, a part at a time, and to nobody twice.

A mail is a row; `gateway.mails.inviting` sends it. That somebody was written to is set where their invitation is
locked, so of two who press the same button one finds nothing left to do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.audit import Trail
from gateway.finding import stretch
from gateway.identity.holding import holds, noted
from gateway.identity.invitations import Wish, about_invitation, put_invitation
from gateway.identity.mailboxes import folded
from gateway.links import LinkError
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Address, ContactCheck, Invitation
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.records.mail_tables import RefusedAddress
from gateway.records.stopping import stopped_among
from gateway.records.tables import Account, Membership

Which = Literal["all", "ready"]
Why = Literal["ended", "member", "bounced", "stopped", "twice"]
WHY: Final[Mapping[Why, str]] = {
    "ended": "their invitation has ended",
    "member": "they act for the account already",
    "bounced": "mails to this address come back",
    "stopped": "they want no mails about invitations",
    "twice": "the address is invited to another account too: write to them one by one",
}
MOST: Final = 500  # mails that one press of a button makes
LASTS: Final = timedelta(days=30)  # at least, from when somebody is written to again


class Choice(Struct, frozen=True, kw_only=True):
    """Of those who were invited and never written to. `ready`: who would see everything if they came now.

    `basis` is what verdicts are made on now (`Preview.basis`): others do not count.
    """

    which: Which = "all"
    basis: str = ""
    batch: str = ""
    account: str = ""


class Recipient(Struct, frozen=True, kw_only=True):
    """Somebody who is invited. `why` None: a mail may go to them."""

    id: str
    email: str
    name: str | None
    account: str
    account_name: str
    until: datetime
    why: Why | None


class Plan(Struct, frozen=True, kw_only=True):
    """How many would be written to, how many not and why, and some of either."""

    sendable: int
    left_out: Mapping[Why, int]
    shown: tuple[Recipient, ...]


class Stage(Struct, frozen=True):
    """The first of those who would be written to: how many they are, and the last one's id."""

    many: int
    upto: str


async def plan(
    db: Database, choice: Choice, now: datetime, *, why: Why | None = None, page: int = 1, size: int = 20
) -> Plan:
    """Say what would be done now. `why` shows those who are left out for it. Pages count from 1."""
    of = _reason(now)
    counts = (
        sa.select(of.label("why"), sa.func.count().label("many"))
        .select_from(Invitation)
        .where(*_chosen(choice, now))
        .group_by("why")
    )
    shown = (
        sa.select(Invitation, Account.name, of.label("why"))
        .join(Account, Account.id == Invitation.account_id)
        .where(*_chosen(choice, now), of == (why or ""))
    )
    async with db.read() as session:
        many = {row.why: row.many for row in await session.execute(counts)}
        offset, limit, from_end = stretch(many.get(why or "", 0), page, size)
        order = Invitation.id.desc() if from_end else Invitation.id
        rows = (await session.execute(shown.order_by(order).limit(limit).offset(offset))).all() if limit else ()
    return Plan(
        sendable=many.get("", 0),
        left_out={each: many[each] for each in WHY if each in many},
        shown=tuple(_recipient(row, name, reason) for row, name, reason in (reversed(rows) if from_end else rows)),
    )


async def stage(db: Database, choice: Choice, many: int, now: datetime) -> Stage:
    """Look whom the first `many` would be, at most `MOST`."""
    these = sa.select(Invitation.id).where(*_chosen(choice, now), _reason(now) == "").order_by(Invitation.id)
    async with db.read() as session:
        ids = (await session.scalars(these.limit(min(many, MOST)))).all()
    return Stage(len(ids), ids[-1] if ids else "")


async def send(db: Database, *, trail: Trail, by: By, choice: Choice, upto: str, now: datetime) -> int:
    """Write to those of a stage to whom nobody has written meanwhile, and say how many they are."""
    these = sa.select(Invitation).where(*_chosen(choice, now), Invitation.id <= upto, _reason(now) == "")
    async with db.write() as session:
        rows = (await session.scalars(these.order_by(Invitation.id).limit(MOST).with_for_update())).all()
        await trail.record(session, *[await put_mail(session, by, row, now) for row in rows])
    return len(rows)


async def send_one(db: Database, *, trail: Trail, by: By, invitation: str, number: int, now: datetime) -> bool:
    """Write to one person, for the `number`th time. Links of earlier mails go on working until one is used.

    False: that was done already, there is nothing to be used any more, or they want no mails.
    """
    async with db.write() as session:
        row = await session.scalar(sa.select(Invitation).where(Invitation.id == invitation).with_for_update())
        if row is None or row.state != "made" or await _last(session, invitation) != number - 1:
            return False
        if await stopped_among(session, [row.email]):
            return False
        await trail.record(session, await put_mail(session, by, row, now))
    return True


async def send_again(db: Database, *, trail: Trail, by: By, before: datetime, many: int, now: datetime) -> int:
    """Write once more to those who were last written to before that instant and have not come, those the longest ago.

    Who bounced, wants no mails or acts for the account by now is left out.
    """
    these = sa.select(Invitation).where(*waiting(before, now)).order_by(Invitation.mailed_at, Invitation.id)
    async with db.write() as session:
        rows = (await session.scalars(these.limit(min(many, MOST)).with_for_update())).all()
        await trail.record(session, *[await put_mail(session, by, row, now) for row in rows])
    return len(rows)


async def count_waiting(db: Database, before: datetime, now: datetime) -> int:
    """Say to how many `send_again` would write."""
    async with db.read() as session:
        return (
            await session.scalar(sa.select(sa.func.count()).select_from(Invitation).where(*waiting(before, now))) or 0
        )


def waiting(before: datetime, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Find whom nobody has heard of since a mail of ours. One that has ended begins anew with the mail."""
    return Invitation.state == "made", Invitation.mailed_at < before, _reason(now, ends=False) == ""


async def invite_by_mail(db: Database, *, trail: Trail, by: By, made_by: str, wish: Wish, now: datetime) -> bool:
    """Bind an address to an account and write to it. False: that was done already. Raises `LinkError`."""
    async with db.write() as session:
        if await session.get(Account, wish.account) is None:
            raise LinkError(f"there is no account {wish.account!r}: `hallway link` makes one")
        _, lines = await put_invitation(session, by, made_by, wish, now)
        told = await tell(session, by, folded(wish.email), wish.account, now)
        await trail.record(session, *lines, *told)
    return bool(lines or told)


async def put_mail(session: AsyncSession, by: By, row: Invitation, now: datetime) -> Line:
    """Queue a mail about an invitation that is locked, in a transaction that does more."""
    number = await _last(session, row.id) + 1
    if row.mailed_at or row.until <= now:
        row.until = max(row.until, now + LASTS)
    row.mailed_at = now
    mail = {"id": new_id(), "invitation_id": row.id, "number": number, "made_at": now, "due_at": now}
    session.add(InvitationMail(**mail, state="waiting", turn=0, tries=0))
    await session.flush()
    return about_invitation("invitation.mailed", by, row, number=number)


async def tell(session: AsyncSession, by: By, email: str, account: str, now: datetime) -> Sequence[Line]:
    """Write to somebody who was just invited to an account, if nobody has and they have stopped no such mails.

    In a transaction that does more.
    """
    if await stopped_among(session, [email]):
        return []
    this = sa.select(Invitation).where(
        Invitation.email == email,
        Invitation.account_id == account,
        Invitation.state == "made",
        Invitation.mailed_at.is_(None),
    )
    row = await session.scalar(this.with_for_update())
    return [await put_mail(session, by, row, now)] if row else []


async def wants_none(db: Database, email: str) -> bool:
    """Say whether whoever has this address wants no mails about invitations."""
    async with db.read() as session:
        return bool(await stopped_among(session, [folded(email)]))


async def next_number(db: Database, invitation: str) -> int:
    """Say which mail about an invitation the next one would be."""
    async with db.read() as session:
        return await _last(session, invitation) + 1


async def _last(session: AsyncSession, invitation: str) -> int:
    """Give the number of the latest mail about an invitation, 0 where there is none."""
    latest = sa.select(sa.func.max(InvitationMail.number)).where(InvitationMail.invitation_id == invitation)
    return await session.scalar(latest) or 0


def _chosen(choice: Choice, now: datetime) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [Invitation.state == "made", Invitation.mailed_at.is_(None)]
    if choice.which == "ready":
        good = (ContactCheck.verdict == "everything", holds(choice.basis, now))
        found += [Invitation.id.in_(sa.select(ContactCheck.invitation_id).where(*good)), Invitation.id.not_in(noted())]
    if choice.batch:
        found.append(Invitation.batch == choice.batch)
    if choice.account:
        found.append(Invitation.account_id == choice.account)
    return found


def _reason(now: datetime, *, ends: bool = True) -> sa.ColumnElement[str]:
    """Say why no mail goes to somebody; "" where one does."""
    other = aliased(Invitation)
    same = (other.email == Invitation.email, other.id != Invitation.id)
    elsewhere = (other.account_id != Invitation.account_id, other.state == "made", other.until > now)
    came = sa.select(Address.member_id).join(Membership, Membership.member_id == Address.member_id)
    came = came.where(Address.address == Invitation.email, Membership.account_id == Invitation.account_id)
    gone = sa.select(other.email).join(InvitationMail, InvitationMail.invitation_id == other.id)
    refused = sa.union_all(
        gone.where(InvitationMail.state == "bounced"), sa.select(sa.func.lower(RefusedAddress.address))
    )
    stopped = sa.select(other.email).where(other.stopped_at.is_not(None))
    reasons: list[tuple[sa.ColumnElement[bool], str]] = [
        (came.exists(), "member"),
        (Invitation.email.in_(refused), "bounced"),
        (Invitation.email.in_(stopped), "stopped"),
        (sa.select(other.id).where(*same, *elsewhere).exists(), "twice"),
    ]
    if ends:
        reasons.insert(0, (Invitation.until <= now, "ended"))
    return sa.case(*((found, sa.literal(reason)) for found, reason in reasons), else_=sa.literal(""))


def _recipient(row: Invitation, account_name: str, reason: str) -> Recipient:
    return Recipient(
        id=row.id,
        email=row.email,
        name=row.name,
        account=row.account_id,
        account_name=account_name,
        until=row.until,
        why=next((each for each in WHY if each == reason), None),
    )
