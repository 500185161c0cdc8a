"""All that is known of one account, for staff: its people with their rights, its links with their proofs, who is asked.

What its back offices have for it is no part of this: the merged view reads that.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.customers import Person, person_of
from gateway.member_rows import sessions_of
from gateway.records.customer_tables import AccountMove, InvitationMail, MovedMember
from gateway.records.database import Database
from gateway.records.identity_tables import Ground, Invitation, Question
from gateway.records.lines import By, Line
from gateway.records.stopping import stopped_among
from gateway.records.tables import Account, Link, Member, Membership, Session, Source
from gateway.records.tables import Person as PersonRow
from gateway.rights import Rights

MOST_MOVES = 20  # merges and splits on one page
MOST = 200  # people, links or invitations on one page


class Known(Struct, frozen=True, kw_only=True):
    """A member as staff see them: what they may see, why, who they are over there, and where they are signed in.

    `version` is of the rights: who changes them says which ones they saw.
    """

    person: Person
    issuer: str
    subject: str
    rights: Rights
    version: int
    since: datetime
    how: str | None
    persons: tuple[tuple[str, str], ...]  # source, id
    sessions: int
    question: str | None


class Tied(Struct, frozen=True, kw_only=True):
    """A link with its proof. `title` is what customers read of the source."""

    source: str
    title: str
    customer: str
    fact: str
    decided_by: str
    decided_at: datetime


class Bidden(Struct, frozen=True, kw_only=True):
    """An invitation, and what became of the last mail about it. `mail` None: none was sent from here.

    `mails` is how many were written, `opened_at` when somebody followed the link of one.
    """

    id: str
    email: str
    name: str | None
    state: str
    until: datetime
    made_by: str
    mail: str | None
    mailed_at: datetime | None
    error: str | None
    mails: int
    opened_at: datetime | None
    is_stopped: bool


class Move(Struct, frozen=True, kw_only=True):
    """That something was moved from one account to another, by whom, and how many links and people that were.

    `is_last` of a merge: it can be taken back, as the account that went is a signpost to this one.
    """

    id: str
    at: datetime
    kind: str
    from_account: str
    to_account: str
    who: str
    links: int
    people: int
    is_last: bool


class Dossier(Struct, frozen=True, kw_only=True):
    """One account. Lists are cut at `MOST`, and `people_count` says how many there are."""

    id: str
    name: str
    created_at: datetime
    seen_at: datetime | None
    merged_into: str | None
    people: tuple[Known, ...]
    people_count: int
    links: tuple[Tied, ...]
    invited: tuple[Bidden, ...]
    moves: tuple[Move, ...]


class Named(Struct, frozen=True, kw_only=True):
    """An account by its name, with its people."""

    id: str
    name: str
    people: tuple[Person, ...]


async def customer_of(db: Database, account_id: str) -> Named | None:
    """Find one account and its people. None: there is no such account."""
    async with db.read() as session:
        account = await session.get(Account, account_id)
        if account is None:
            return None
        members = sa.select(Member).join(Membership, Membership.member_id == Member.id)
        people = [person_of(each) for each in await session.scalars(members.where(Membership.account_id == account_id))]
    people.sort(key=lambda each: (each.called.casefold(), each.id))
    return Named(id=account.id, name=account.name, people=tuple(people))


async def dossier_of(db: Database, account_id: str, now: datetime) -> Dossier | None:
    """Read it in one moment. None: there is no such account."""
    async with db.read() as session:
        account = await session.get(Account, account_id)
        if account is None:
            return None
        count = sa.select(sa.func.count()).select_from(Membership).where(Membership.account_id == account_id)
        return Dossier(
            id=account.id,
            name=account.name,
            created_at=account.created_at,
            seen_at=account.seen_at,
            merged_into=account.merged_into,
            people=await _people(session, account_id, now),
            people_count=await session.scalar(count) or 0,
            links=await _links(session, account_id),
            invited=await _invited(session, account_id, now),
            moves=await _moves(session, account_id),
        )


async def note_looked_up(db: Database, account_id: str, *, trail: Trail, by: By) -> None:
    """Tell the trail that one of staff looked at an account and its people."""
    line = Line(what="account.looked_up", by=by, about=f"account/{account_id}", account=account_id, owner=by.who)
    async with db.write() as session:
        await trail.record(session, line)


async def note_exported(db: Database, what: str, details: Mapping[str, Any], *, trail: Trail, by: By) -> None:
    """Tell the trail that one of staff took a list of customers with them."""
    line = Line(what="customers.exported", by=by, about=f"list/{what}", details=dict(details), owner=by.who)
    async with db.write() as session:
        await trail.record(session, line)


async def _people(session: AsyncSession, account_id: str, now: datetime) -> tuple[Known, ...]:
    acting = (
        sa.select(Member, Membership, Ground.how, Question.id)
        .join(Membership, Membership.member_id == Member.id)
        .outerjoin(Ground, sa.and_(Ground.member_id == Member.id, Ground.account_id == Membership.account_id))
        .outerjoin(Question, sa.and_(Question.member_id == Member.id, Question.state == "open"))
        .where(Membership.account_id == account_id)
        .order_by(sa.func.lower(sa.func.coalesce(Member.name, Member.email, Member.subject)), Member.id)
        .limit(MOST)
    )
    rows = (await session.execute(acting)).all()
    ids = [member.id for member, *_ in rows]
    persons: dict[str, list[tuple[str, str]]] = {}
    these = sa.select(PersonRow).where(PersonRow.member_id.in_(ids)).order_by(PersonRow.source, PersonRow.person)
    for row in await session.scalars(these):
        persons.setdefault(row.member_id, []).append((row.source, row.person))
    live = sa.select(Session.member_id, sa.func.count()).where(
        Session.member_id.in_(ids), Session.ended_at.is_(None), Session.expires_at > now
    )
    sessions = {row[0]: row[1] for row in await session.execute(live.group_by(Session.member_id))}
    return tuple(
        Known(
            person=person_of(member),
            issuer=member.issuer,
            subject=member.subject,
            rights=msgspec.convert(membership.rights, Rights),
            version=membership.version,
            since=membership.created_at,
            how=how,
            persons=tuple(persons.get(member.id, ())),
            sessions=sessions.get(member.id, 0),
            question=question,
        )
        for member, membership, how, question in rows
    )


async def _links(session: AsyncSession, account_id: str) -> tuple[Tied, ...]:
    links = sa.select(Link, Source.title).join(Source, Source.name == Link.source).where(Link.account_id == account_id)
    return tuple(
        Tied(
            source=row.source,
            title=title,
            customer=row.customer,
            fact=row.fact,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row, title in await session.execute(links.order_by(Link.source, Link.customer).limit(MOST))
    )


async def _moves(session: AsyncSession, account_id: str) -> tuple[Move, ...]:
    """List the latest merges and splits of an account, and of those that are part of it now."""
    here = sa.select(Account.id).where(Account.merged_into == account_id)
    parts = sorted(await session.scalars(here))
    concerned = [account_id, *parts]
    moved = sa.or_(AccountMove.from_account.in_(concerned), AccountMove.to_account.in_(concerned))
    people = sa.select(sa.func.count()).where(MovedMember.move_id == AccountMove.id).scalar_subquery()
    rows = sa.select(AccountMove, people).where(moved).order_by(AccountMove.at.desc(), AccountMove.id.desc())
    found, ends = [], set(parts)
    for row, many in await session.execute(rows.limit(MOST_MOVES)):
        is_last = row.kind == "merge" and row.from_account in ends
        ends.discard(row.from_account)
        found.append(
            Move(
                id=row.id,
                at=row.at,
                kind=row.kind,
                from_account=row.from_account,
                to_account=row.to_account,
                who=row.who,
                links=len(row.moved["links"]),
                people=many,
                is_last=is_last,
            )
        )
    return tuple(found)


async def _invited(session: AsyncSession, account_id: str, now: datetime) -> tuple[Bidden, ...]:
    these = sa.select(Invitation).where(Invitation.account_id == account_id, Invitation.state != "used")
    rows = (await session.scalars(these.order_by(Invitation.made_at.desc(), Invitation.id).limit(MOST))).all()
    stopped = await stopped_among(session, [row.email for row in rows])
    return bidden(rows, await mails_about(session, [row.id for row in rows]), stopped, now)


async def mails_about(session: AsyncSession, invitations: Sequence[str]) -> dict[str, list[InvitationMail]]:
    """Give the mails about each invitation, the earliest first."""
    mails = sa.select(InvitationMail).where(InvitationMail.invitation_id.in_(invitations))
    found: dict[str, list[InvitationMail]] = {}
    for row in await session.scalars(mails.order_by(InvitationMail.number)):
        found.setdefault(row.invitation_id, []).append(row)
    return found


def bidden(
    rows: Sequence[Invitation], mails: Mapping[str, list[InvitationMail]], stopped: Collection[str], now: datetime
) -> tuple[Bidden, ...]:
    """Put invitations beside their mails. `stopped`: addresses that want none."""
    return tuple(
        Bidden(
            id=row.id,
            email=row.email,
            name=row.name,
            state="expired" if row.state == "made" and row.until <= now else row.state,
            until=row.until,
            made_by=row.made_by,
            mail=last.state if last else None,
            mailed_at=(last.ended_at or last.made_at) if last else None,
            error=last.error if last else None,
            mails=len(about),
            opened_at=min((mail.opened_at for mail in about if mail.opened_at), default=None),
            is_stopped=row.email in stopped,
        )
        for row in rows
        for about in [mails.get(row.id, [])]
        for last in [about[-1] if about else None]
    )


async def note_question_looked_up(db: Database, member_id: str, question: str, *, trail: Trail, by: By) -> None:
    """Tell the trail that one of staff looked at what is known of a login that waits."""
    details = {"question": question}
    line = Line(what="question.looked_up", by=by, about=f"member/{member_id}", details=details, owner=by.who)
    async with db.write() as session:
        await trail.record(session, line)


async def live_sessions_of(db: Database, member_id: str) -> tuple[bytes, ...]:
    """Give the hashes of one member's live sessions, whose copies are to be forgotten."""
    async with db.read() as session:
        return await sessions_of(session, member_id)
