"""What a member may see. The one place that makes a `Scope`, and every read of a record takes one.

What `gateway.standing` keeps of it for a page is ten seconds old at most.
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.provider import Identity
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.tables import Account, Link, Member, Membership, Staff
from gateway.records.upsert import insert

NO_ROLE = "none"  # of staff whom nobody has given one yet


class AccountRef(Struct, frozen=True):
    """An account by its id and the name that people read."""

    id: str
    name: str


class LinkRef(Struct, frozen=True):
    """The account is this customer in that source. `customer` is their id."""

    source: str
    customer: str


class Scope(Struct, frozen=True, kw_only=True):
    """One member acting for one account, and what the account is called elsewhere. No links: nothing to see."""

    member_id: str
    account_id: str
    account_name: str
    links: tuple[LinkRef, ...]


async def remember(db: Database, identity: Identity, now: datetime) -> str:
    """Note a visit and return the member's id. Issuer and subject find the member; an e-mail address finds nobody."""
    said = {"email": identity.email, "name": identity.name, "last_visit_at": now}
    async with db.write() as session:
        member = insert(session, Member).values(
            id=new_id(), issuer=identity.issuer, subject=identity.subject, created_at=now, **said
        )
        kept = member.on_conflict_do_update(index_elements=[Member.issuer, Member.subject], set_=said)
        return (await session.scalars(kept.returning(Member.id))).one()


async def remember_staff(db: Database, identity: Identity, now: datetime) -> str:
    """Note that one of staff came, and return their id. Who is new may do nothing yet; a role and a name stay."""
    async with db.write() as session:
        staff = insert(session, Staff).values(
            id=new_id(),
            issuer=identity.issuer,
            subject=identity.subject,
            name=identity.name,
            role=NO_ROLE,
            created_at=now,
        )
        named = {"name": sa.func.coalesce(Staff.name, identity.name)}
        kept = staff.on_conflict_do_update(index_elements=[Staff.issuer, Staff.subject], set_=named)
        return (await session.scalars(kept.returning(Staff.id))).one()


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
    name = (
        sa.select(Account.name)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.member_id == member_id, Membership.account_id == account_id)
    )
    links = (
        sa.select(Link.source, Link.customer).where(Link.account_id == account_id).order_by(Link.source, Link.customer)
    )
    account_name = await session.scalar(name)
    if account_name is None:
        return None
    refs = tuple(LinkRef(*row) for row in await session.execute(links))
    return Scope(member_id=member_id, account_id=account_id, account_name=account_name, links=refs)
