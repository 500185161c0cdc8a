"""What a member may see. The one place that makes a `Scope`, and every read of a record takes one.

What `gateway.standing` keeps of it for a page is ten seconds old at most.
"""

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from auth.errors import Disabled
from auth.principals import Role
from auth.provider import Identity
from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line, What
from gateway.records.tables import Account, Link, Member, Membership, Person, Staff
from gateway.records.upsert import insert
from gateway.rights import Rights


class AccountRef(Struct, frozen=True):
    """An account by its id and the name that people read."""

    id: str
    name: str


class LinkRef(Struct, frozen=True):
    """The account is this customer in that source. `customer` is their id."""

    source: str
    customer: str


class PersonRef(Struct, frozen=True):
    """The member is this person in that source. `person` is their id."""

    source: str
    person: str


class Scope(Struct, frozen=True, kw_only=True):
    """One member acting for one account within rights, and what both are called elsewhere. No links: nothing to see.

    `issuer` and `subject` are the login that is the member.
    """

    member_id: str
    issuer: str
    subject: str
    account_id: str
    account_name: str
    links: tuple[LinkRef, ...]
    rights: Rights
    persons: frozenset[PersonRef] = frozenset()


async def remember(db: Database, identity: Identity, now: datetime, *, trail: Trail, address: str | None = None) -> str:
    """Note a visit and return the member's id. Issuer and subject find the member; an e-mail address finds nobody.

    Raises `Disabled`, which is noted too.
    """
    said = {"email": identity.email, "name": identity.name}
    async with db.write() as session:
        new = insert(session, Member).values(
            id=new_id(), issuer=identity.issuer, subject=identity.subject, created_at=now, **said
        )
        is_new = await session.scalar(new.on_conflict_do_nothing().returning(Member.id)) is not None
        this = (Member.issuer == identity.issuer, Member.subject == identity.subject)
        member = (await session.scalars(sa.select(Member).where(*this).with_for_update())).one()
        before = {"email": member.email, "name": member.name}
        is_disabled = member.disabled_at is not None
        if not is_disabled:
            member.email, member.name, member.last_visit_at = identity.email, identity.name, now
        owner = f"member/{member.id}"
        if is_disabled:
            await trail.record(session, _met("session.refused", owner, identity, address, {}))
        elif is_new:
            await trail.record(session, _met("member.made", owner, identity, address, said))
        elif before != said:
            changed = {"before": before, "after": said}
            await trail.record(session, _met("member.changed", owner, identity, address, changed))
    if is_disabled:
        raise Disabled("disabled")
    return member.id


async def remember_staff(
    db: Database,
    identity: Identity,
    now: datetime,
    *,
    trail: Trail,
    role: Role | None = None,
    address: str | None = None,
) -> str:
    """Note that one of staff came, and return their id. A listed role and a name stay.

    `role` is what the provider claims today: it takes the place of what it claimed before, also when that is nothing.
    """
    async with db.write() as session:
        new = insert(session, Staff).values(
            id=new_id(),
            issuer=identity.issuer,
            subject=identity.subject,
            name=identity.name,
            claimed_role=role,
            created_at=now,
        )
        is_new = await session.scalar(new.on_conflict_do_nothing().returning(Staff.id)) is not None
        this = (Staff.issuer == identity.issuer, Staff.subject == identity.subject)
        staff = (await session.scalars(sa.select(Staff).where(*this).with_for_update())).one()
        is_named = staff.name is None and identity.name is not None
        claimed = {"claimed_before": None if is_new else staff.claimed_role, "claimed": role}
        is_changed = staff.claimed_role != role
        staff.claimed_role = role
        if is_named:
            staff.name = identity.name
        if is_new or is_named or is_changed:
            told: What = "staff.made" if is_new else "staff.changed"
            names = {"before": {"name": None}, "after": {"name": staff.name}} if is_named else {}
            personal = {"name": staff.name} if is_new else names
            line = _met(told, f"staff/{staff.id}", identity, address, personal)
            await trail.record(session, replace(line, details=claimed if role or is_changed else {}))
    return staff.id


async def accounts_of(db: Database, member_id: str) -> tuple[AccountRef, ...]:
    """List the accounts that a member may act for, in the order people look for them."""
    async with db.read() as session:
        return await read_accounts(session, member_id)


async def scope_of(db: Database, member_id: str, account_id: str) -> Scope | None:
    """Let a member act for an account. None: no membership, or no such account; nobody outside can tell which."""
    async with db.read() as session:
        return await read_scope(session, member_id, account_id)


async def read_accounts(session: AsyncSession, member_id: str) -> tuple[AccountRef, ...]:
    """Do as `accounts_of`, in a transaction that reads more."""
    accounts = (
        sa.select(Account.id, Account.name)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.member_id == member_id)
    )
    refs = [AccountRef(*row) for row in await session.execute(accounts)]
    return tuple(sorted(refs, key=lambda ref: (ref.name.casefold(), ref.id)))


async def read_scope(session: AsyncSession, member_id: str, account_id: str) -> Scope | None:
    """Do as `scope_of`, in a transaction that reads more: never an old membership with new links."""
    membership = (
        sa.select(Account.name, Membership.rights, Member.issuer, Member.subject)
        .join(Membership, Membership.account_id == Account.id)
        .join(Member, Membership.member_id == Member.id)
        .where(Membership.member_id == member_id, Membership.account_id == account_id)
    )
    links = (
        sa.select(Link.source, Link.customer).where(Link.account_id == account_id).order_by(Link.source, Link.customer)
    )
    persons = sa.select(Person.source, Person.person).where(Person.member_id == member_id)
    row = (await session.execute(membership)).one_or_none()
    if row is None:
        return None
    return Scope(
        member_id=member_id,
        issuer=row.issuer,
        subject=row.subject,
        account_id=account_id,
        account_name=row.name,
        links=tuple(LinkRef(*each) for each in await session.execute(links)),
        rights=msgspec.convert(row.rights, Rights),
        persons=frozenset(PersonRef(*each) for each in await session.execute(persons)),
    )


def _met(what: What, owner: str, identity: Identity, address: str | None, personal: dict[str, Any]) -> Line:
    return Line(
        what=what,
        by=By(owner, "portal", address),
        about=owner,
        personal={"issuer": identity.issuer, "subject": identity.subject, **personal},
        owner=owner,
    )
