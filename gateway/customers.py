"""Who the customers are, for staff: accounts with the people who may act for them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.database import Database
from gateway.records.tables import Account, Link, Member, Membership

PAGE = 20  # accounts


class Person(Struct, frozen=True, kw_only=True):
    """A member of an account."""

    id: str
    called: str
    email: str | None
    last_visit_at: datetime | None
    disabled: bool


class Customer(Struct, frozen=True, kw_only=True):
    """An account. `links` counts what it is linked to."""

    id: str
    name: str
    links: int
    people: tuple[Person, ...]


class Customers(Struct, frozen=True):
    """One page of those that were found, and how many that are in all."""

    found: tuple[Customer, ...]
    count: int


async def customers_of(db: Database, question: str, page: int) -> Customers:
    """Find accounts by their own name or id, or by a person's name, address or subject. Pages count from 1."""
    here = _matching(question)
    by_name = sa.select(Account).where(here).order_by(sa.func.lower(Account.name), Account.id)
    async with db.read() as session:
        count = await session.scalar(sa.select(sa.func.count()).select_from(Account).where(here)) or 0
        accounts = (await session.scalars(by_name.limit(PAGE).offset((page - 1) * PAGE))).all()
        return Customers(await _customers(session, accounts), count)


async def customer_of(db: Database, account_id: str) -> Customer | None:
    """Find one account by its id."""
    async with db.read() as session:
        account = await session.get(Account, account_id)
        return (await _customers(session, [account]))[0] if account else None


async def _customers(session: AsyncSession, accounts: Sequence[Account]) -> tuple[Customer, ...]:
    ids = [account.id for account in accounts]
    linked = sa.select(Link.account_id, sa.func.count()).where(Link.account_id.in_(ids)).group_by(Link.account_id)
    links = {row[0]: row[1] for row in await session.execute(linked)}
    acting = sa.select(Membership.account_id, Member).join(Member, Member.id == Membership.member_id)
    people: dict[str, list[Person]] = {account_id: [] for account_id in ids}
    for account_id, member in await session.execute(acting.where(Membership.account_id.in_(ids))):
        people[account_id].append(_person(member))
    return tuple(
        Customer(
            id=account.id,
            name=account.name,
            links=links.get(account.id, 0),
            people=tuple(sorted(people[account.id], key=lambda person: (person.called.casefold(), person.id))),
        )
        for account in accounts
    )


def _matching(question: str) -> sa.ColumnElement[bool]:
    if not question:
        return sa.true()
    texts = (Member.name, Member.email, Member.subject)
    person = (
        sa.select(Membership.account_id)
        .join(Member, Member.id == Membership.member_id)
        .where(sa.or_(*(text.icontains(question, autoescape=True) for text in texts)))
    )
    names = (Account.name, Account.id)
    return sa.or_(*(name.icontains(question, autoescape=True) for name in names), Account.id.in_(person))


def _person(member: Member) -> Person:
    return Person(
        id=member.id,
        called=member.called,
        email=member.email,
        last_visit_at=member.last_visit_at,
        disabled=member.disabled_at is not None,
    )
