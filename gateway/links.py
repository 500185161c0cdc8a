"""Who may act for which account, and who the account is in each source. Every link carries the fact that proves it.

Commands of staff: each says what it did, and done again it does nothing.
"""

import re
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.mailbox import ISSUER as MAILBOX
from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line, What
from gateway.records.tables import Account, Link, Member, Membership, Source
from gateway.records.upsert import insert
from gateway.rights import OWN, Rights

ACCOUNT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
RESERVED = {
    "adoption",
    "differences",
    "import",
    "invite",
    "queue",
    "readiness",
}  # pages that stand where those of accounts do
TEXT = 255  # characters, as the columns have it
ISSUER = 500


class LinkError(Exception):
    """A link that may not be made. The text says why, and what to do."""


class Login(Struct, frozen=True):
    """A person as the sign-in provider names them. Never an e-mail address: those change hands."""

    issuer: str
    subject: str


class Change(Struct, frozen=True):
    """What was changed: a sentence for whoever did it, and the line for the audit trail."""

    sentence: str
    line: Line


class Proof(Struct, frozen=True, kw_only=True):
    """Why a link holds: the fact, who decided that it is one, and when."""

    fact: str
    decided_by: str
    decided_at: datetime


async def link(
    db: Database,
    *,
    trail: Trail,
    by: By,
    account: str,
    source: str,
    customer: str,
    proof: Proof,
    name: str | None = None,
    login: Login | None = None,
    rights: Rights = OWN,
    move: bool = False,
) -> tuple[str, ...]:
    """Make the account where it is missing, link it to the source's customer, and let the login act for it.

    `rights` are those of a login that could not act for it before; who could keeps theirs. Tells what changed, in
    sentences. All or nothing. A customer of a source belongs to one account at the most: without `move`, one that
    belongs to another account is refused.
    """
    check_account(account)
    check_text("the customer id", customer, TEXT)
    check_text("the fact", proof.fact, TEXT)
    check_text("who decided", proof.decided_by, TEXT)
    if name is not None:
        check_text("the account's name", name, TEXT)
    if login:
        check_login(login)
    async with db.write() as session:
        changes = [
            await put_account(session, by, account, name, proof.decided_at),
            await put_link(session, account, source, customer, proof=proof, by=by, move=move),
            await _membership(session, by, account, login, rights=rights, now=proof.decided_at) if login else None,
        ]
        done = [change for change in changes if change]
        await trail.record(session, *(change.line for change in done))
    return tuple(change.sentence for change in done)


async def unlink(db: Database, *, trail: Trail, by: By, source: str, customer: str, account: str | None = None) -> bool:
    """Take a customer id from its account, or only if it is this one. False: it had none."""
    gone = sa.delete(Link).where(Link.source == source, Link.customer == customer).returning(Link)
    async with db.write() as session:
        link = await session.scalar(gone if account is None else gone.where(Link.account_id == account))
        if link:
            personal = {"customer": customer, "fact": link.fact, "decided_by": link.decided_by}
            await trail.record(
                session, about_account("customer.unlinked", by, link.account_id, source, personal=personal)
            )
    return link is not None


async def owner_of(db: Database, source: str, customer: str) -> str | None:
    """Name the account that a customer of a source is linked to."""
    async with db.read() as session:
        return await session.scalar(sa.select(Link.account_id).where(Link.source == source, Link.customer == customer))


async def is_linked(db: Database, source: str) -> bool:
    """Say whether any customer of a source is an account's."""
    async with db.read() as session:
        return bool(await session.scalar(sa.select(sa.exists(sa.select(Link.source).where(Link.source == source)))))


async def remove_member(db: Database, *, trail: Trail, by: By, account: str, login: Login) -> bool:
    """Let a login act for an account no longer. False: it could not."""
    member = sa.select(Member.id).where(Member.issuer == login.issuer, Member.subject == login.subject)
    gone = (
        sa.delete(Membership)
        .where(Membership.account_id == account, Membership.member_id == member.scalar_subquery())
        .returning(Membership.member_id)
    )
    async with db.write() as session:
        member_id = await session.scalar(gone)
        if member_id:
            await trail.record(
                session, _about_person("membership.removed", by, f"member/{member_id}", login, account=account)
            )
    return member_id is not None


async def put_account(session: AsyncSession, by: By, account: str, name: str | None, now: datetime) -> Change | None:
    """Make the account, or give it this name, in a transaction that does more. Raises `LinkError`."""
    made = insert(session, Account).values(id=account, name=name or account, created_at=now)
    if await session.scalar(made.on_conflict_do_nothing().returning(Account.id)):
        check_is_free(account)
        line = about_account("account.made", by, account, None, personal={"name": name or account})
        return Change(f"made the account {account!r}", line)
    row = await session.get_one(Account, account, with_for_update=True)
    check_is_there(row)
    if name is None or row.name == name:
        return None
    personal, row.name = {"before": row.name, "after": name}, name
    line = about_account("account.renamed", by, account, None, personal=personal)
    return Change(f"renamed the account {account!r} to {name!r}", line)


async def put_link(
    session: AsyncSession, account: str, source: str, customer: str, *, proof: Proof, by: By, move: bool
) -> Change | None:
    """Say which account a customer of a source is, in a transaction that does more. Raises `LinkError`."""
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
    personal = {"customer": customer, "fact": proof.fact, "decided_by": proof.decided_by}
    if owner:
        line = about_account("customer.moved", by, account, source, personal=personal, before=owner, after=account)
        return Change(f"moved customer {customer!r} of {source!r} from {owner!r} to {account!r}", line)
    line = about_account("customer.linked", by, account, source, personal=personal)
    return Change(f"linked customer {customer!r} of {source!r} to {account!r}", line)


async def _membership(
    session: AsyncSession, by: By, account: str, login: Login, *, rights: Rights, now: datetime
) -> Change | None:
    new = insert(session, Member).values(id=new_id(), issuer=login.issuer, subject=login.subject, created_at=now)
    is_new = await session.scalar(new.on_conflict_do_nothing().returning(Member.id)) is not None
    this = sa.select(Member).where(Member.issuer == login.issuer, Member.subject == login.subject)
    member = (await session.scalars(this)).one()
    given = msgspec.to_builtins(rights)
    made = insert(session, Membership).values(member_id=member.id, account_id=account, rights=given, created_at=now)
    if not await session.scalar(made.on_conflict_do_nothing().returning(Membership.member_id)):
        return None
    await note_seen(session, account, member)
    details = {"made_member": is_new, "rights": given}
    line = _about_person("membership.added", by, f"member/{member.id}", login, account=account, details=details)
    but = "" if member.disabled_at is None else ", who is disabled and cannot sign in"
    return Change(f"let {login.subject!r} of {login.issuer} act for {account!r}{but}", line)


async def note_seen(session: AsyncSession, account: str, member: Member) -> None:
    """Let an account know when somebody who may act for it now was last here."""
    if member.last_visit_at is not None:
        earlier = sa.or_(Account.seen_at.is_(None), Account.seen_at < member.last_visit_at)
        free = sa.select(Account.id).where(Account.id == account, earlier).with_for_update(skip_locked=True)
        await session.execute(sa.update(Account).where(Account.id.in_(free)).values(seen_at=member.last_visit_at))


def about_account(
    what: What, by: By, account: str, source: str | None, *, personal: dict[str, Any], **details: str
) -> Line:
    """What belongs to an account is sealed with the account's key: a customer's id may be somebody's address."""
    owner = f"account/{account}"
    named = {"source": source} if source else {}
    return Line(
        what=what, by=by, about=owner, account=account, details={**named, **details}, personal=personal, owner=owner
    )


def _about_person(
    what: What, by: By, owner: str, login: Login, *, account: str | None = None, details: dict[str, Any] | None = None
) -> Line:
    personal = {"issuer": login.issuer, "subject": login.subject}
    return Line(what=what, by=by, about=owner, account=account, details=details or {}, personal=personal, owner=owner)


def check_is_free(account: str) -> None:
    """Refuse to make an account whose page could not be opened. Raises `LinkError`."""
    if account in RESERVED:
        raise LinkError(f"no account can have the id {account!r}: a page for staff has its address")


def check_is_there(account: Account) -> None:
    """Refuse to tie anything to an account that was merged into another one. Raises `LinkError`."""
    if account.merged_into:
        raise LinkError(f"the account {account.id!r} was merged into {account.merged_into!r}: name that one")


def check_account(account: str) -> None:
    if not ACCOUNT_ID.fullmatch(account):
        raise LinkError("an account id is small letters, digits and hyphens, 63 at the most: acme-ltd")


def check_login(login: Login) -> None:
    check_text("the issuer", login.issuer, ISSUER)
    check_text("the subject", login.subject, TEXT)
    if login.issuer == MAILBOX and ("@" not in login.subject or login.subject != login.subject.lower()):
        raise LinkError(f"at the issuer {MAILBOX}, the subject is the e-mail address, in small letters")


def check_text(what: str, text: str, most: int) -> None:
    """Refuse what one database would store and the other would not, and what nobody can see."""
    if not text or text != text.strip() or not text.isprintable() or len(text) > most:
        raise LinkError(f"{what} is plain text of 1 to {most} characters, without spaces at its ends")
