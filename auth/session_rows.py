"""The rows of sessions: how they are named, found and ended, and what the audit trail is told of them."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.errors import Disabled
from auth.principals import Viewing
from auth.session import Session
from gateway.records.lines import By, Line, What
from gateway.records.signposts import present
from gateway.records.tables import Member, Membership, Staff
from gateway.records.tables import Session as Row

ID = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits


class Trail(Protocol):
    """Writes down what is done, in the transaction that does it. The last thing in there."""

    async def record(self, session: AsyncSession, *lines: Line) -> None: ...


class Sealer(Protocol):
    """Makes ID tokens unreadable at rest, each for its own row. `open` gives None for one that does not open."""

    def seal(self, id_token: str, row: str) -> str: ...
    def open(self, sealed: str, row: str) -> str | None: ...


class Entry(Struct, frozen=True, kw_only=True):
    """A live session in the list of its member. `seen_at` may be a minute behind."""

    id_hash: bytes
    created_at: datetime
    seen_at: datetime


def session_of(row: Row) -> Session:
    return Session(
        id_hash=row.id_hash,
        kind=row.kind,
        member_id=row.member_id,
        staff_id=row.staff_id,
        provider=row.provider,
        account_id=row.account_id,
        csrf_token=row.csrf_token,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        viewing=_viewing_of(row),
    )


def _viewing_of(row: Row) -> Viewing | None:
    if row.viewing_member is None or row.viewing_account is None or row.viewing_until is None:
        return None
    return Viewing(row.viewing_member, row.viewing_account, row.viewing_until)


def hash_in(cookie: str | None) -> bytes | None:
    """Hash what a browser brought, if it can be the id of a session."""
    return hash_of(cookie) if cookie is not None and ID.fullmatch(cookie) else None


def hash_of(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def name_of(id_hash: bytes) -> str:
    return f"sessions/{id_hash.hex()}"


def ending(now: datetime) -> sa.Update:
    """Begin to end sessions. Which ones is for the caller to say; those that have ended stay as they are."""
    return sa.update(Row).where(Row.ended_at.is_(None)).values(ended_at=now, id_token=None)


def of_people_at(issuer: str, subject: str | None) -> sa.ColumnElement[bool]:
    """Whether a session is of anybody at an issuer, or of the one whose subject is given."""

    def ids(people: type[Member | Staff]) -> sa.Select[str]:
        there = sa.select(people.id).where(people.issuer == issuer)
        return there if subject is None else there.where(people.subject == subject)

    return sa.or_(Row.member_id.in_(ids(Member)), Row.staff_id.in_(ids(Staff)))


async def person_of(session: AsyncSession, row: Row) -> Member | Staff:
    """Find whose session is about to begin, and hold on to them until it has. Raises `Disabled`.

    Who disables them meanwhile waits for us, and then ends this session too; or we wait, and see that they are. An
    account that was merged into another one meanwhile is that one.
    """
    if row.staff_id is not None:
        return await session.get_one(Staff, row.staff_id)
    member = await session.get_one(Member, row.member_id, with_for_update={"read": True})
    if member.disabled_at is not None:
        raise Disabled("disabled meanwhile")
    row.account_id = await present(session, row.account_id) if row.account_id else None
    return member


def began(row: Row, person: Member | Staff, address: str | None) -> Line:
    owner = _owner(row.member_id, row.staff_id)
    return Line(
        what="session.began",
        by=By(owner, "portal", address),
        about=owner,
        account=row.account_id,
        details={"provider": row.provider, "session": row.id_hash.hex()},
        personal={"issuer": person.issuer, "subject": person.subject},
        owner=owner,
    )


def told(what: What, row: Row, address: str | None, **details: Any) -> Line:  # noqa: ANN401  # anything JSON has
    """What a member or one of staff did to a session of theirs."""
    owner = _owner(row.member_id, row.staff_id)
    return Line(
        what=what,
        by=By(owner, "portal", address),
        about=owner,
        account=row.account_id,
        details={"session": row.id_hash.hex(), **details},
        owner=owner,
    )


async def switch(session: AsyncSession, row: Row, account_id: str, address: str | None) -> Line:
    """Let a member's session go on for another account, and tell of it."""
    before, row.account_id = row.account_id, await present(session, account_id)
    return told("session.account_changed", row, address, before=before, after=row.account_id)


async def may_act(session: AsyncSession, viewing: Viewing) -> bool:
    """Whether the member themselves could look: they may act for the account, and nothing keeps them out."""
    theirs = (
        sa.select(Membership.member_id)
        .join(Member, Member.id == Membership.member_id)
        .where(
            Membership.member_id == viewing.member_id,
            Membership.account_id == viewing.account_id,
            Member.disabled_at.is_(None),
        )
    )
    return await session.scalar(theirs) is not None


def look(row: Row, viewing: Viewing | None, address: str | None) -> list[Line]:
    """Set what one of staff looks at, and tell of the view that ends with that and of the one that begins."""
    before = _viewing_of(row)
    row.viewing_member = viewing.member_id if viewing else None
    row.viewing_account = viewing.account_id if viewing else None
    row.viewing_until = viewing.until if viewing else None
    ended = [_viewed("viewing.ended", row, before, address)] if before else []
    return [*ended, _viewed("viewing.began", row, viewing, address)] if viewing else ended


def _viewed(what: What, row: Row, viewing: Viewing, address: str | None) -> Line:
    owner = _owner(None, row.staff_id)
    return Line(
        what=what,
        by=By(owner, "portal", address),
        about=f"member/{viewing.member_id}",
        account=viewing.account_id,
        details={"until": viewing.until.isoformat(timespec="seconds")},
        owner=owner,
    )


def ended_by_provider(rows: Iterable[tuple[str | None, str | None]], provider: str) -> Iterator[Line]:
    """One line for each person; `rows` name member or staff of each session that has ended."""
    owners = [_owner(*row) for row in rows]
    for owner in sorted(set(owners)):
        yield Line(
            what="session.ended_by_provider",
            by=By(f"provider/{provider}", "provider"),
            about=owner,
            details={"sessions": owners.count(owner)},
        )


def ended_everywhere(member_id: str, ended: int, by: By, *, kept_one: bool) -> Line:
    owner = _owner(member_id, None)
    return Line(
        what="session.ended_everywhere",
        by=by,
        about=owner,
        details={"sessions": ended, "kept_one": kept_one},
        owner=owner,
    )


def _owner(member_id: str | None, staff_id: str | None) -> str:
    return f"member/{member_id}" if member_id is not None else f"staff/{staff_id}"
