"""Who may act for which account, and who the account is in each source. Every link carries the fact that proves it.

Commands of staff: each says what it did, and done again it does nothing.
"""

import re
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.tables import Account, Link, Member, Membership, Source, Staff
from gateway.records.upsert import insert

ACCOUNT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
TEXT = 255  # characters, as the columns have it
ISSUER = 500
OWNER = "owner"


class LinkError(Exception):
    """A link that may not be made. The text says why, and what to do."""


class Login(Struct, frozen=True):
    """A person as the sign-in provider names them. Never an e-mail address: those change hands."""

    issuer: str
    subject: str


class Proof(Struct, frozen=True, kw_only=True):
    """Why a link holds: the fact, who decided that it is one, and when."""

    fact: str
    decided_by: str
    decided_at: datetime


async def link(
    db: Database,
    *,
    account: str,
    source: str,
    customer: str,
    proof: Proof,
    name: str | None = None,
    login: Login | None = None,
    move: bool = False,
) -> tuple[str, ...]:
    """Make the account where it is missing, link it to the source's customer, and let the login act for it.

    Tells what changed, in sentences. All or nothing. A customer of a source belongs to one account at the most:
    without `move`, one that belongs to another account is refused.
    """
    _check_account(account)
    _check("the customer id", customer, TEXT)
    _check("the fact", proof.fact, TEXT)
    _check("who decided", proof.decided_by, TEXT)
    if name is not None:
        _check("the account's name", name, TEXT)
    if login:
        _check_login(login)
    async with db.write() as session:
        changes = [
            await _account(session, account, name, proof.decided_at),
            await _link(session, account, source, customer, proof, move=move),
        ]
        if login:
            changes.append(await _membership(session, account, login, proof.decided_at))
    return tuple(change for change in changes if change)


async def unlink(db: Database, *, source: str, customer: str) -> bool:
    """Take a customer id from its account. False: it had none."""
    async with db.write() as session:
        gone = sa.delete(Link).where(Link.source == source, Link.customer == customer).returning(Link.account_id)
        return await session.scalar(gone) is not None


async def remove_member(db: Database, *, account: str, login: Login) -> bool:
    """Let a login act for an account no longer. False: it could not."""
    member = sa.select(Member.id).where(Member.issuer == login.issuer, Member.subject == login.subject)
    gone = (
        sa.delete(Membership)
        .where(Membership.account_id == account, Membership.member_id == member.scalar_subquery())
        .returning(Membership.account_id)
    )
    async with db.write() as session:
        return await session.scalar(gone) is not None


async def add_owner(db: Database, *, login: Login, now: datetime, name: str | None = None) -> bool:
    """Let a person run this installation. False: they already could."""
    _check_login(login)
    if name is not None:
        _check("the name", name, TEXT)
    staff = {"id": new_id(), "issuer": login.issuer, "subject": login.subject, "name": name, "role": OWNER}
    async with db.write() as session:
        statement = insert(session, Staff).values(**staff, created_at=now)
        made = statement.on_conflict_do_update(
            index_elements=[Staff.issuer, Staff.subject], set_={"role": OWNER}, where=Staff.role != OWNER
        )
        return await session.scalar(made.returning(Staff.id)) is not None


async def _account(session: AsyncSession, account: str, name: str | None, now: datetime) -> str | None:
    made = insert(session, Account).values(id=account, name=name or account, created_at=now)
    if await session.scalar(made.on_conflict_do_nothing().returning(Account.id)):
        return f"made the account {account!r}"
    if name is None:
        return None
    renamed = sa.update(Account).where(Account.id == account, Account.name != name).values(name=name)
    if await session.scalar(renamed.returning(Account.id)):
        return f"renamed the account {account!r} to {name!r}"
    return None


async def _link(
    session: AsyncSession, account: str, source: str, customer: str, proof: Proof, *, move: bool
) -> str | None:
    sources = set(await session.scalars(sa.select(Source.name)))
    if source not in sources:
        known = ", ".join(sorted(sources)) or "none yet: run hallway sources apply first"
        raise LinkError(f"there is no source {source!r} (there is: {known})")
    this = (Link.source == source, Link.customer == customer)
    owner = await session.scalar(sa.select(Link.account_id).where(*this))
    if owner == account:
        return None
    if owner and not move:
        raise LinkError(
            f"customer {customer!r} of {source!r} belongs to the account {owner!r}: "
            "check which is right, and move it on purpose (--move)"
        )
    proven = {"account_id": account, **{field: getattr(proof, field) for field in proof.__struct_fields__}}
    made = (
        insert(session, Link)
        .values(source=source, customer=customer, **proven)
        .on_conflict_do_update(
            index_elements=[Link.source, Link.customer], set_=proven, where=Link.account_id == (owner or "")
        )
    )
    if not await session.scalar(made.returning(Link.customer)):
        raise LinkError(
            f"customer {customer!r} of {source!r} was linked by somebody else just now: look, and try again"
        )
    if owner:
        return f"moved customer {customer!r} of {source!r} from {owner!r} to {account!r}"
    return f"linked customer {customer!r} of {source!r} to {account!r}"


async def _membership(session: AsyncSession, account: str, login: Login, now: datetime) -> str | None:
    member = insert(session, Member).values(id=new_id(), issuer=login.issuer, subject=login.subject, created_at=now)
    await session.execute(member.on_conflict_do_nothing())
    this = sa.select(Member.id).where(Member.issuer == login.issuer, Member.subject == login.subject)
    made = insert(session, Membership).values(member_id=this.scalar_subquery(), account_id=account, created_at=now)
    if await session.scalar(made.on_conflict_do_nothing().returning(Membership.member_id)):
        return f"let {login.subject!r} of {login.issuer} act for {account!r}"
    return None


def _check_account(account: str) -> None:
    if not ACCOUNT_ID.fullmatch(account):
        raise LinkError("an account id is small letters, digits and hyphens, 63 at the most: acme-ltd")


def _check_login(login: Login) -> None:
    _check("the issuer", login.issuer, ISSUER)
    _check("the subject", login.subject, TEXT)


def _check(what: str, text: str, most: int) -> None:
    """Refuse what one database would store and the other would not, and what nobody can see."""
    if not text or text != text.strip() or not text.isprintable() or len(text) > most:
        raise LinkError(f"{what} is plain text of 1 to {most} characters, without spaces at its ends")
