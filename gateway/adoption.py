"""Who takes the portal up, for staff: who is invited, who came, who came back, and who has stayed away.

First those who are invited and have not come, the newest first; then logins that were never used; then those who were
here, the last seen first. Each of these is read along an index, so a late page takes no longer than the first.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.dossiers import Bidden, bidden, mails_about
from gateway.finding import MOST_COUNTED, pattern_of
from gateway.records.customer_tables import InvitationMail
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.stopping import stopped_among
from gateway.records.tables import Account, Member, Membership

Only = Literal["", "unwritten", "refused", "never", "once", "back", "quiet"]
PAGE: Final = 20
BATCH: Final = 1000  # of an export
MANY: Final = 5000  # accounts, or their people; a word that finds more of them finds people soon
QUIET: Final = timedelta(days=60)
REFUSED: Final = ("bounced", "failed", "unknown")


class Adopter(Struct, frozen=True, kw_only=True):
    """Somebody who is invited, or has a login. `accounts` are ids with names; `days` on how many days they were here.

    `bidden` is their latest invitation with its mails; without `member` they have not come.
    """

    called: str
    email: str | None
    accounts: tuple[tuple[str, str], ...]
    invited_at: datetime | None
    bidden: Bidden | None
    member: str | None
    came_at: datetime | None
    seen_on: date | None
    days: int


class Adoption(Struct, frozen=True):
    """One page of those who were found, and how many that are in all. `is_more`: more than were counted."""

    found: tuple[Adopter, ...]
    count: int
    is_more: bool = False


class Section(Struct, frozen=True):
    """Those of one kind among all who are listed: ids in their order."""

    table: type[Invitation | Member]
    where: tuple[sa.ColumnElement[bool], ...]
    order: tuple[Any, ...]


class Named(Struct, frozen=True):
    """What words ask: of who is invited, and of who has a login."""

    guests: sa.ColumnElement[bool]
    people: sa.ColumnElement[bool]


async def adoption(
    db: Database, question: str, now: datetime, *, page: int = 1, only: Only = "", size: int = PAGE
) -> Adoption:
    """Find people by their address or name, or by the name or id of an account. Pages count from 1."""
    async with db.read() as session:
        sections = _sections(await _named(session, question) if question else None, only, now)
        if question and page * size <= MOST_COUNTED:
            return await _first(session, sections, now, page, size)
        return await _counted(session, sections, now, page, size)


async def _first(session: AsyncSession, sections: Sequence[Section], now: datetime, page: int, size: int) -> Adoption:
    """Read no more of what is searched for than is of use: each row is looked at once."""
    ids: list[tuple[type[Invitation | Member], str]] = []
    for each in sections:
        wanted = MOST_COUNTED + 1 - len(ids)
        some = sa.select(each.table.id).where(*each.where).order_by(*each.order).limit(wanted)
        ids += [(each.table, id_) for id_ in await session.scalars(some)] if wanted else []
    shown = ids[(page - 1) * size : page * size]
    found: list[Adopter] = []
    for table in (Invitation, Member):
        theirs = [id_ for its, id_ in shown if its is table]
        found += await _read(session, table, theirs, now) if theirs else []
    return Adoption(tuple(found), min(len(ids), MOST_COUNTED), len(ids) > MOST_COUNTED)


async def _counted(session: AsyncSession, sections: Sequence[Section], now: datetime, page: int, size: int) -> Adoption:
    skip, left, count = (page - 1) * size, size, 0
    found: list[Adopter] = []
    for each in sections:
        many = await session.scalar(sa.select(sa.func.count(each.table.id)).where(*each.where)) or 0
        if skip < many and left:
            ids = sa.select(each.table.id).where(*each.where).order_by(*each.order).limit(left).offset(skip)
            rows = await _read(session, each.table, (await session.scalars(ids)).all(), now)
            found += rows
            left -= len(rows)
        skip, count = max(0, skip - many), count + many
    return Adoption(tuple(found), count)


async def every_adopter(db: Database, question: str, now: datetime, only: Only = "") -> AsyncIterator[Adopter]:
    """Go through all who are found, for a file."""
    page, seen = 1, 0
    while True:
        some = await adoption(db, question, now, page=page, only=only, size=BATCH)
        for each in some.found:
            yield each
        page, seen = page + 1, seen + len(some.found)
        if not some.found or (seen >= some.count and not some.is_more):
            return


async def count_refused(db: Database) -> int:
    """Say how many were invited by a mail that did not arrive, and by none since. Raises `DatabaseDown`."""
    these = sa.select(sa.func.count(Invitation.id)).where(Invitation.state == "made", Invitation.id.in_(_unreached()))
    async with db.read() as session:
        return await session.scalar(these) or 0


def _unreached() -> sa.Select[str]:
    """Name the invitations whose latest mail did not arrive, or nobody can tell."""
    later = aliased(InvitationMail)
    since = sa.exists().where(later.invitation_id == InvitationMail.invitation_id, later.number > InvitationMail.number)
    return sa.select(InvitationMail.invitation_id).where(InvitationMail.state.in_(REFUSED), ~since)


def _sections(named: Named | None, only: Only, now: datetime) -> Sequence[Section]:
    guests, people = ((named.guests,), (named.people,)) if named else ((), ())
    invited = Section(Invitation, (Invitation.state == "made", *guests), (Invitation.id.desc(),))
    never = Section(Member, (Member.seen_on.is_(None), *people), (Member.id.desc(),))
    here = Section(Member, (Member.seen_on.is_not(None), *people), (Member.seen_on.desc(), Member.id.desc()))
    of: dict[Only, Sequence[Section]] = {
        "": (invited, never, here),
        "unwritten": (_also(invited, Invitation.mailed_at.is_(None)),),
        "refused": (_also(invited, Invitation.id.in_(_unreached())),),
        "never": (invited, never),
        "once": (_also(here, Member.days == 1),),
        "back": (_also(here, Member.days > 1),),
        "quiet": (_also(here, Member.seen_on < now.astimezone(UTC).date() - QUIET),),
    }
    return of[only]


async def _named(session: AsyncSession, question: str) -> Named:
    """Say who is found by words of theirs or of their account.

    The few accounts that words find are read first. Of many, each person is asked in turn until there are enough.
    """
    pattern = pattern_of(question)
    guest = sa.or_(Invitation.email.like(pattern, escape="/"), sa.func.lower(Invitation.name).like(pattern, escape="/"))
    member, fits = Member.words.like(pattern, escape="/"), Account.words.like(pattern, escape="/")
    accounts = (await session.scalars(sa.select(Account.id).where(fits).limit(MANY + 1))).all()
    acting = sa.select(Membership.member_id).where(Membership.account_id.in_(accounts[:MANY])).distinct()
    members = (await session.scalars(acting.limit(MANY + 1))).all()
    if max(len(accounts), len(members)) <= MANY:
        return Named(sa.or_(guest, Invitation.account_id.in_(accounts)), sa.or_(member, Member.id.in_(members)))
    one = sa.select(sa.literal(1)).select_from(Account).where(fits).limit(1)
    invited = one.where(Account.id == Invitation.account_id).correlate(Invitation)
    acts = one.join(Membership, Membership.account_id == Account.id).where(Membership.member_id == Member.id)
    found = sa.or_(member, acts.correlate(Member).scalar_subquery() == 1)
    return Named(sa.or_(guest, invited.scalar_subquery() == 1), found)


def _also(of: Section, condition: sa.ColumnElement[bool]) -> Section:
    return Section(of.table, (*of.where, condition), of.order)


async def _read(
    session: AsyncSession, table: type[Invitation | Member], ids: Sequence[str], now: datetime
) -> list[Adopter]:
    return await (_invited_ones if table is Invitation else _members)(session, ids, now)


async def _invited_ones(session: AsyncSession, ids: Sequence[str], now: datetime) -> list[Adopter]:
    these = sa.select(Invitation, Account.name).join(Account, Account.id == Invitation.account_id)
    rows = {row.id: (row, name) for row, name in await session.execute(these.where(Invitation.id.in_(ids)))}
    mails = await mails_about(session, ids)
    stopped = await stopped_among(session, [row.email for row, _ in rows.values()])
    return [
        Adopter(
            called=row.name or row.email,
            email=row.email,
            accounts=((row.account_id, name),),
            invited_at=row.made_at,
            bidden=bidden([row], mails, stopped, now)[0],
            member=None,
            came_at=None,
            seen_on=None,
            days=0,
        )
        for row, name in (rows[each] for each in ids)
    ]


async def _members(session: AsyncSession, ids: Sequence[str], now: datetime) -> list[Adopter]:
    members = {row.id: row for row in await session.scalars(sa.select(Member).where(Member.id.in_(ids)))}
    acting = sa.select(Membership.member_id, Account.id, Account.name)
    acting = acting.join(Account, Account.id == Membership.account_id).where(Membership.member_id.in_(ids))
    accounts: dict[str, list[tuple[str, str]]] = {}
    for member, account, name in await session.execute(acting.order_by(Account.words, Account.id)):
        accounts.setdefault(member, []).append((account, name))
    used = sa.select(Invitation).where(Invitation.member_id.in_(ids), Invitation.state == "used")
    by_member = {row.member_id: row for row in await session.scalars(used.order_by(Invitation.id))}
    mails = await mails_about(session, [row.id for row in by_member.values()])
    stopped = await stopped_among(session, [row.email for row in by_member.values()])
    found = []
    for row in (members[each] for each in ids):
        invitation = by_member.get(row.id)
        found.append(
            Adopter(
                called=row.called,
                email=row.email,
                accounts=tuple(accounts.get(row.id, ())),
                invited_at=invitation.made_at if invitation else None,
                bidden=bidden([invitation], mails, stopped, now)[0] if invitation else None,
                member=row.id,
                came_at=(invitation.used_at if invitation else row.created_at) if row.days else None,
                seen_on=row.seen_on,
                days=row.days,
            )
        )
    return found
