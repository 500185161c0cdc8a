"""Who the customers are, for staff: accounts by name, number or person, with what is the matter with each."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.finding import pattern_of, some_of, stretch
from gateway.records.database import Database
from gateway.records.identity_tables import ContactCheck, Invitation, Question
from gateway.records.tables import Account, Link, Member, Membership

PAGE = 20  # accounts
BATCH = 1000  # of an export
MANY = 5000  # people, or their accounts; a word that finds more of them finds accounts soon

Only = Literal["", "never", "unlinked", "ambiguous", "disabled", "merged"]
Conditions = tuple[sa.ColumnElement[bool], ...]


class Person(Struct, frozen=True, kw_only=True):
    """A member of an account."""

    id: str
    called: str
    email: str | None
    last_visit_at: datetime | None
    disabled: bool


class Customer(Struct, frozen=True, kw_only=True):
    """An account in a table. `links`, `people` and `invited` are counts; `only` is who acts for it alone.

    `is_ambiguous`: somebody of theirs waits for a decision. `merged_into`: it is part of that account now.
    """

    id: str
    name: str
    links: int
    people: int
    invited: int
    seen_at: datetime | None
    is_ambiguous: bool
    merged_into: str | None = None
    only: Person | None = None


class Customers(Struct, frozen=True):
    """One page of those that were found, and how many that are in all. `is_more`: more than were counted."""

    found: tuple[Customer, ...]
    count: int
    is_more: bool = False


async def customers_of(db: Database, question: str, page: int, only: Only = "") -> Customers:
    """Find accounts by their name, id or number, or by a person's name, address or subject. Pages count from 1."""
    async with db.read() as session:
        if question:
            where = (*_like(only, is_asked=True), await _found_soon(session, question))
            ids = sa.select(Account.id).where(*where).order_by(Account.words, Account.id)
            some = await some_of(session, ids, page, PAGE)
            return Customers(await _customers(session, some.found), some.count, some.is_more)
        is_dear = only in {"ambiguous", "disabled"}
        found, count = await (_counted if is_dear else _listed)(session, _like(only), page)
        return Customers(await _customers(session, found), count)


async def every_customer(db: Database, question: str, only: Only = "") -> AsyncIterator[Customer]:
    """Go through all that are found, for a file."""
    where, last = (*_like(only, is_asked=bool(question)), *([_found_by(question)] if question else [])), ("", "")
    while True:
        beyond = sa.tuple_(Account.words, Account.id) > sa.tuple_(sa.literal(last[0]), sa.literal(last[1]))
        these = sa.select(Account.id, Account.words).where(*where, beyond).order_by(Account.words, Account.id)
        async with db.read() as session:
            rows = (await session.execute(these.limit(BATCH))).all()
            found = await _customers(session, [row[0] for row in rows])
        for customer in found:
            yield customer
        if len(rows) < BATCH:
            return
        last = (rows[-1][1] or "", rows[-1][0])


async def _counted(session: AsyncSession, where: Conditions, page: int) -> tuple[list[str], int]:
    """Find and count in one go: each row is looked at once."""
    found = sa.select(Account.id, sa.func.count().over()).where(*where).order_by(Account.words, Account.id)
    rows = (await session.execute(found.limit(PAGE).offset((page - 1) * PAGE))).all()
    return ([row[0] for row in rows], rows[0][1]) if rows else ([], await _count(session, where) if page > 1 else 0)


async def _listed(session: AsyncSession, where: Conditions, page: int) -> tuple[list[str], int]:
    count = await _count(session, where)
    offset, limit, from_end = stretch(count, page, PAGE)
    keys = (Account.words.desc(), Account.id.desc()) if from_end else (Account.words, Account.id)
    ids = list(await session.scalars(sa.select(Account.id).where(*where).order_by(*keys).limit(limit).offset(offset)))
    return (ids[::-1] if from_end else ids), count


async def _count(session: AsyncSession, where: Conditions) -> int:
    return await session.scalar(sa.select(sa.func.count(Account.id)).where(*where)) or 0


async def _customers(session: AsyncSession, ids: Sequence[str]) -> tuple[Customer, ...]:
    accounts = {each.id: each for each in await session.scalars(sa.select(Account).where(Account.id.in_(ids)))}
    linked = sa.select(Link.account_id, sa.func.count()).where(Link.account_id.in_(ids)).group_by(Link.account_id)
    links = {row[0]: row[1] for row in await session.execute(linked)}
    acting = sa.select(Membership.account_id, sa.func.count(), sa.func.min(Membership.member_id))
    acting = acting.where(Membership.account_id.in_(ids)).group_by(Membership.account_id)
    people = {row[0]: (row[1], row[2]) for row in await session.execute(acting)}
    alone = [member for many, member in people.values() if many == 1]
    members = {each.id: each for each in await session.scalars(sa.select(Member).where(Member.id.in_(alone)))}
    open_ones = sa.select(Invitation.account_id, sa.func.count()).where(Invitation.state == "made")
    open_ones = open_ones.where(Invitation.account_id.in_(ids)).group_by(Invitation.account_id)
    invited = {row[0]: row[1] for row in await session.execute(open_ones)}
    unsure = await _ambiguous_of(session, ids)
    return tuple(
        Customer(
            id=account.id,
            name=account.name,
            links=links.get(account.id, 0),
            people=people.get(account.id, (0, ""))[0],
            invited=invited.get(account.id, 0),
            seen_at=account.seen_at,
            is_ambiguous=account.id in unsure,
            merged_into=account.merged_into,
            only=person_of(members[people[account.id][1]]) if people.get(account.id, (0, ""))[0] == 1 else None,
        )
        for account in (accounts[each] for each in ids)
    )


def _like(only: Only, *, is_asked: bool = False) -> Conditions:
    conditions: list[sa.ColumnElement[bool]] = []
    match only:
        case "never":
            conditions.append(Account.seen_at.is_(None))
        case "unlinked":
            conditions.append(~sa.exists().where(Link.account_id == Account.id))
        case "ambiguous":
            conditions.append(Account.id.in_(_ambiguous()))
        case "disabled":
            out = sa.select(Membership.account_id).join(Member, Member.id == Membership.member_id)
            conditions.append(Account.id.in_(out.where(Member.disabled_at.is_not(None))))
        case "merged":
            conditions.append(Account.merged_into.is_not(None))
        case "":
            pass
    if only != "merged" and not (is_asked and not only):  # who asks for an old name finds where it leads
        conditions.append(Account.merged_into.is_(None))
    return tuple(conditions)


async def _found_soon(session: AsyncSession, question: str) -> sa.ColumnElement[bool]:
    """Say the same as `_found_by` for who wants to see the first of them.

    The few people whom a word finds are read first. Of many, each account is asked in turn until there are enough.
    """
    pattern = pattern_of(question)
    named = sa.select(Member.id).where(Member.words.like(pattern, escape="/")).limit(MANY + 1)
    people = (await session.scalars(named)).all()
    numbered = set(await session.scalars(sa.select(Link.account_id).where(Link.customer == question)))
    theirs = Account.words.like(pattern, escape="/")
    acting = sa.select(Membership.account_id).where(Membership.member_id.in_(people[:MANY])).distinct()
    acted_for = (await session.scalars(acting.limit(MANY + 1))).all()
    if max(len(people), len(acted_for)) <= MANY:
        return sa.or_(theirs, Account.id.in_(numbered.union(acted_for)))
    one = sa.select(sa.literal(1)).select_from(Membership).join(Member, Member.id == Membership.member_id)
    one = one.where(Membership.account_id == Account.id, Member.words.like(pattern, escape="/")).limit(1)
    return sa.or_(theirs, Account.id.in_(numbered), one.correlate(Account).scalar_subquery() == 1)


def _found_by(question: str) -> sa.ColumnElement[bool]:
    pattern = pattern_of(question)
    people = sa.select(Member.id).where(Member.words.like(pattern, escape="/"))
    acting = sa.select(Membership.account_id).where(Membership.member_id.in_(people))
    numbered = sa.select(Link.account_id).where(Link.customer == question)
    meant = sa.union_all(acting, numbered).cte("meant").prefix_with("MATERIALIZED")
    return sa.or_(Account.words.like(pattern, escape="/"), Account.id.in_(sa.select(meant.c.account_id)))


def _ambiguous() -> sa.CompoundSelect[tuple[str]]:
    """Name accounts of which somebody who may act for them has an open question, or who is invited would have one."""
    asked = sa.select(Membership.account_id).join(Question, Question.member_id == Membership.member_id)
    judged = sa.select(Invitation.account_id).join(ContactCheck, ContactCheck.invitation_id == Invitation.id)
    judged = judged.where(ContactCheck.verdict == "ambiguous", Invitation.state == "made")
    return sa.union(asked.where(Question.state == "open"), judged)


async def _ambiguous_of(session: AsyncSession, ids: Sequence[str]) -> set[str]:
    """Say which of these are. What a database would rather look for among all is left out here."""
    asked = sa.select(Membership.account_id, Question.state).where(Membership.account_id.in_(ids))
    asked = asked.join(Question, Question.member_id == Membership.member_id)
    judged = sa.select(Invitation.account_id, ContactCheck.verdict).where(Invitation.account_id.in_(ids))
    judged = judged.where(Invitation.state == "made").join(ContactCheck, ContactCheck.invitation_id == Invitation.id)
    waiting = {account for account, state in await session.execute(asked) if state == "open"}
    return waiting | {account for account, verdict in await session.execute(judged) if verdict == "ambiguous"}


def person_of(member: Member) -> Person:
    return Person(
        id=member.id,
        called=member.called,
        email=member.email,
        last_visit_at=member.last_visit_at,
        disabled=member.disabled_at is not None,
    )
