"""Which verdicts about those who are invited still hold, kept so that staff can count very many.

Triggers note what changes of the links of its account, of who came with its address and of the invitation, in the very
transaction. A verdict of which something is noted does not count until `piece` has compared it with what is there. To
whom other accounts are linked counts from the next time that the sources are asked.
What all verdicts depend on alike is their basis: of another one, none counts.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.finding import stretch
from gateway.identity.inputs import INVITED, SEES, Sees, contacts_among
from gateway.piecemeal import PIECE, Piecemeal
from gateway.records.identity_tables import Address, ContactCheck, ContactDue, Invitation
from gateway.records.upsert import insert

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # until something is noted


class Tally(Struct, frozen=True, kw_only=True):
    """How many are invited, and of how many of them is known what they would see. `oldest`: the first to be asked.

    `comparing`: of so many something changed just now, and it is not known yet whether their verdicts hold.
    """

    invited: int
    sees: Mapping[Sees, int]
    oldest: datetime | None
    comparing: int


class Counted(Struct, frozen=True, kw_only=True):
    """Which verdicts are counted: those that `held` when they were last compared, and of which nothing is noted."""

    held: sa.ColumnElement[bool]
    some_noted: bool

    @property
    def where(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (self.held, ContactCheck.invitation_id.not_in(noted())) if self.some_noted else (self.held,)


class Holding(Piecemeal):
    """Compares what was noted: each process takes what no other has."""

    async def left(self, session: AsyncSession, most: int) -> int:
        some = sa.select(ContactDue.id).limit(most + 1).subquery()
        return await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0

    async def piece(self, session: AsyncSession) -> bool:
        return await piece(session, self._clock())


async def piece(session: AsyncSession, now: datetime, *, most: int = PIECE) -> bool:
    """Compare some of what was noted. False: there is nothing left, or somebody else is at it."""
    wide = sa.select(ContactDue).where(ContactDue.invitation_id.is_(None)).order_by(ContactDue.id).limit(most)
    if rows := (await session.scalars(wide.with_for_update(skip_locked=True))).all():
        accounts = {row.account_id for row in rows if row.account_id}
        came = sa.select(Address.address).where(Address.member_id.in_({row.member_id for row in rows if row.member_id}))
        theirs = sa.or_(Invitation.account_id.in_(accounts), Invitation.email.in_(came))
        judged = sa.select(Invitation.id).where(theirs, Invitation.id == ContactCheck.invitation_id)
        await session.execute(sa.insert(ContactDue).from_select(["invitation_id"], judged))
        await _forget(session, [row.id for row in rows])
    named = sa.select(ContactDue).where(ContactDue.invitation_id.is_not(None)).order_by(ContactDue.id).limit(most)
    noted = (await session.scalars(named.with_for_update(skip_locked=True))).all()
    await _compare(session, {row.invitation_id for row in noted if row.invitation_id is not None}, now)
    await _forget(session, [row.id for row in noted])
    return len(rows) == most or len(noted) == most


async def note(session: AsyncSession, invitations: Collection[str]) -> None:
    """Have verdicts compared that were just made, in the transaction that makes them."""
    if invitations:
        await session.execute(insert(session, ContactDue), [{"invitation_id": each} for each in invitations])


async def count(session: AsyncSession, counted: Counted) -> Tally:
    """Count by the verdicts that are counted."""
    totals = (sa.func.count().label("many"), sa.func.min(ContactCheck.checked_at).label("oldest"))
    each = [  # each along the index, of which both databases would rather not make use for all at once
        sa.select(sa.literal(sees).label("sees"), *totals).where(ContactCheck.verdict == sees, *counted.where)
        for sees in SEES
    ]
    rows = (await session.execute(sa.union_all(*each))).all()
    comparing = 0
    if counted.some_noted:
        theirs = ContactCheck.invitation_id.in_(noted())
        changed = sa.select(sa.func.count()).select_from(ContactCheck).where(counted.held, theirs)
        comparing = await session.scalar(changed) or 0
    return Tally(
        invited=await session.scalar(sa.select(sa.func.count()).select_from(Invitation).where(INVITED)) or 0,
        sees={sees: row.many for sees in SEES for row in rows if row.sees == sees},
        oldest=min((row.oldest for row in rows if row.oldest), default=None),
        comparing=comparing,
    )


async def page_of(
    session: AsyncSession, fit: Collection[sa.ColumnElement[bool]], many: int, page: int, size: int
) -> list[str]:
    """Name the invitations on a page of `many`, in the order in which they were made. Pages count from 1."""
    offset, limit, from_end = stretch(many, page, size)
    key = ContactCheck.invitation_id
    ids = sa.select(key).where(*fit).order_by(key.desc() if from_end else key).limit(limit).offset(offset)
    found = list(await session.scalars(ids)) if limit else []
    return found[::-1] if from_end else found


async def counting(session: AsyncSession, basis: str, now: datetime) -> Counted:
    """Say which verdicts are counted. Nothing is looked through where nothing is noted, as it mostly is."""
    some_noted = await session.scalar(sa.select(ContactDue.id).limit(1)) is not None
    return Counted(held=holds(basis, now), some_noted=some_noted)


def holds(basis: str, now: datetime) -> sa.ColumnElement[bool]:
    """Choose the verdicts that were made on this basis and held when they were last compared."""
    return sa.and_(ContactCheck.basis == basis, ContactCheck.holds_until > now)


def noted() -> sa.CompoundSelect[tuple[str]]:
    """Name the invitations of which something is noted."""
    accounts = sa.select(ContactDue.account_id).where(ContactDue.account_id.is_not(None))
    members = sa.select(ContactDue.member_id).where(ContactDue.member_id.is_not(None))
    addresses = sa.select(Address.address).where(Address.member_id.in_(members))
    return sa.union_all(
        sa.select(ContactDue.invitation_id).where(ContactDue.invitation_id.is_not(None)),
        sa.select(Invitation.id).where(Invitation.account_id.in_(accounts)),
        sa.select(Invitation.id).where(Invitation.email.in_(addresses)),
    )


async def _compare(session: AsyncSession, ids: Collection[str], now: datetime) -> None:
    """Say of some verdicts how long they hold.

    Their rows are locked before anything is read of what they depend on: of two who compare the same, the later one
    knows more. What is not committed yet will be noted when it is.
    """
    its = sa.select(ContactCheck.invitation_id, ContactCheck.holds_until).where(ContactCheck.invitation_id.in_(ids))
    rows = await session.execute(its.order_by(ContactCheck.invitation_id).with_for_update())
    before = {row.invitation_id: row.holds_until for row in rows}
    good = {
        contact.invitation: contact.until or FOREVER
        for contact, kept in await contacts_among(session, tuple(before), now)
        if kept and kept.inputs == contact.inputs
    }
    changed = [
        {"invitation_id": each, "holds_until": good.get(each)} for each in before if before[each] != good.get(each)
    ]
    if changed:
        await session.execute(sa.update(ContactCheck), changed)


async def _forget(session: AsyncSession, rows: Collection[int]) -> None:
    await session.execute(sa.delete(ContactDue).where(ContactDue.id.in_(rows)))
