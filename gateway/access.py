"""What a member may see. The one place that makes a `Scope`, and every read of a record takes one.

What `gateway.standing` keeps of it for a page is ten seconds old at most.
"""

from collections.abc import Collection
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
from gateway.records.seeing import note_seen
from gateway.records.tables import Account, Link, Member, Membership, Person, Staff
from gateway.records.upsert import insert
from gateway.rights import COMPANY, Rights
from gateway.shown import clipped
from gateway.sorting import sort, sorted_into


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

    `issuer` and `subject` are the login that is the member. `segments` names those that the account may be in, see
    `gateway.segments`: several where nobody knows which.
    """

    member_id: str
    issuer: str
    subject: str
    account_id: str
    account_name: str
    links: tuple[LinkRef, ...]
    rights: Rights
    persons: frozenset[PersonRef] = frozenset()
    segments: tuple[str, ...] = ()


# Whom a mail that is only an example is about: nobody who has or sees anything.
NOBODY = Scope(
    member_id="example",
    issuer="",
    subject="",
    account_id="example",
    account_name="Example customer",
    links=(),
    rights=COMPANY,
)


class Access(Struct, frozen=True, kw_only=True):
    """`accounts` are all that a member may act for; `scope` is over the one they asked for, None where it is not."""

    scope: Scope | None
    accounts: tuple[AccountRef, ...]


Whom = tuple[str, str | None]  # a member, and the account that they want to act for


async def remember(
    db: Database,
    identity: Identity,
    now: datetime,
    *,
    trail: Trail,
    address: str | None = None,
    language: str | None = None,
) -> str:
    """Note a visit and return the member's id. Issuer and subject find the member; an e-mail address finds nobody.

    `language` is what their browser asks for; None: nobody can tell, and what was seen before stays.
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
            member.language_seen = language or member.language_seen
            await note_seen(session, [member.id], now)
            theirs = sa.select(Membership.account_id).where(Membership.member_id == member.id)
            free = sa.select(Account.id).where(Account.id.in_(theirs)).with_for_update(skip_locked=True)  # nobody waits
            await session.execute(sa.update(Account).where(Account.id.in_(free)).values(seen_at=now))
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
    whom = (member_id, None)
    async with db.read() as session:
        return (await read_access(session, [whom]))[whom].accounts


async def scope_of(db: Database, member_id: str, account_id: str) -> Scope | None:
    """Let a member act for an account. None: no membership, or no such account; nobody outside can tell which."""
    whom = (member_id, account_id)
    async with db.read() as session:
        return (await read_access(session, [whom]))[whom].scope


async def now_of(db: Database, account_id: str) -> str:
    """Say what an account is now: the one that it was merged into, or itself."""
    async with db.read() as session:
        return await session.scalar(sa.select(Account.merged_into).where(Account.id == account_id)) or account_id


async def whole_of(db: Database, account_id: str, *links: LinkRef) -> Scope | None:
    """Look over all of an account, as nobody who may act for it: to count for staff. None: there is no such account.

    With `links` over these instead of those that it has: for what a link would open.
    """
    has = sa.select(Link.source, Link.customer).where(Link.account_id == account_id)
    async with db.read() as session:
        account = await session.get(Account, account_id)
        rows = [] if links else (await session.execute(has.order_by(Link.source, Link.customer))).all()
        _, names = await sorted_into(session, account_id)
    if account is None:
        return None
    return Scope(
        member_id="",
        issuer="",
        subject="",
        account_id=account.id,
        account_name=account.name,
        links=links or tuple(LinkRef(*row) for row in rows),
        rights=COMPANY,
        segments=names,
    )


async def read_access(session: AsyncSession, whom: Collection[Whom]) -> dict[Whom, Access]:
    """Read for many at once, in a transaction that reads more: never an old membership with new links."""
    memberships = (
        sa.select(*(Membership.member_id, Account.id, Account.name, Membership.rights, Member.issuer, Member.subject))
        .join(Membership, Membership.account_id == Account.id)
        .join(Member, Membership.member_id == Member.id)
        .where(Membership.member_id.in_({member for member, _ in whom}))
    )
    held = {(row.member_id, row.id): row for row in await session.execute(memberships)}
    accounts: dict[str, list[AccountRef]] = {}
    for row in held.values():
        accounts.setdefault(row.member_id, []).append(AccountRef(row.id, row.name))
    acting = {(member, account): held.get((member, account)) for member, account in whom if account}
    links = await _links(session, {account for (_, account), row in acting.items() if row})
    persons = await _persons(session, {member for (member, _), row in acting.items() if row})
    policy, segments = await sort(session, {account for (_, account), row in acting.items() if row})
    return {
        (member, account): Access(
            scope=Scope(
                member_id=member,
                issuer=mine.issuer,
                subject=mine.subject,
                account_id=account,
                account_name=mine.name,
                links=tuple(links.get(account, ())),
                rights=clipped(msgspec.convert(mine.rights, Rights), policy.seen_by(segments[account]).shown.most),
                persons=frozenset(persons.get(member, ())),
                segments=segments[account],
            )
            if account and (mine := acting[member, account])
            else None,
            accounts=tuple(sorted(accounts.get(member, ()), key=lambda ref: (ref.name.casefold(), ref.id))),
        )
        for member, account in whom
    }


async def _links(session: AsyncSession, accounts: Collection[str]) -> dict[str, list[LinkRef]]:
    found: dict[str, list[LinkRef]] = {}
    if accounts:
        links = sa.select(Link.account_id, Link.source, Link.customer).where(Link.account_id.in_(accounts))
        for account, source, customer in await session.execute(links.order_by(Link.source, Link.customer)):
            found.setdefault(account, []).append(LinkRef(source, customer))
    return found


async def _persons(session: AsyncSession, members: Collection[str]) -> dict[str, list[PersonRef]]:
    found: dict[str, list[PersonRef]] = {}
    if members:
        persons = sa.select(Person.member_id, Person.source, Person.person).where(Person.member_id.in_(members))
        for member, source, person in await session.execute(persons):
            found.setdefault(member, []).append(PersonRef(source, person))
    return found


def _met(what: What, owner: str, identity: Identity, address: str | None, personal: dict[str, Any]) -> Line:
    return Line(
        what=what,
        by=By(owner, "portal", address),
        about=owner,
        personal={"issuer": identity.issuer, "subject": identity.subject, **personal},
        owner=owner,
    )
