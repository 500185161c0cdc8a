"""What the portal knows of the person who is signed in, apart from any record."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.database import Database
from gateway.records.tables import Member, Session

Whom = tuple[str, bytes]  # a member, and the hash of the session in which they look


class Profile(Struct, frozen=True, kw_only=True):
    """`last_visit_at` is when an earlier session of theirs was last used; None on the first visit."""

    name: str | None
    email: str | None
    subject: str
    last_visit_at: datetime | None
    is_new: bool = False  # they have not been shown around
    language: str | None = None  # which they chose
    language_seen: str | None = None  # which they had when they last signed in

    @property
    def called(self) -> str:
        return self.name or self.email or self.subject


async def read_profiles(session: AsyncSession, whom: Collection[Whom]) -> dict[Whom, Profile]:
    """Read many at once, all of members who are known to be signed in with the session of that hash."""
    members = {member for member, _ in whom}
    nth = sa.func.row_number().over(partition_by=Session.member_id, order_by=Session.seen_at.desc())
    visits = (
        sa.select(Session.member_id, Session.id_hash, Session.seen_at, nth.label("nth"))
        .where(Session.member_id.in_(members))
        .subquery()
    )
    latest = sa.and_(visits.c.member_id == Member.id, visits.c.nth <= 2)  # noqa: PLR2004  # one of two is another one
    rows = sa.select(
        Member.id,
        Member.name,
        Member.email,
        Member.subject,
        Member.welcomed_at,
        Member.language,
        Member.language_seen,
        visits.c.id_hash,
        visits.c.seen_at,
    )
    by_member: dict[str, list[Any]] = {}
    for row in await session.execute(rows.outerjoin(visits, latest).where(Member.id.in_(members))):
        by_member.setdefault(row.id, []).append(row)
    return {(member, this): _profile(by_member[member], this) for member, this in whom}


def _profile(visits: Sequence[Any], this: bytes) -> Profile:
    seen = [visit.seen_at for visit in visits if visit.seen_at and visit.id_hash != this]
    member = visits[0]
    return Profile(
        name=member.name,
        email=member.email,
        subject=member.subject,
        last_visit_at=max(seen, default=None),
        is_new=member.welcomed_at is None,
        language=member.language,
        language_seen=member.language_seen,
    )


async def note_welcomed(db: Database, member: str, now: datetime) -> None:
    """Write down that somebody was shown around, or wanted not to be. Raises `DatabaseDown`."""
    async with db.write() as session:
        await session.execute(sa.update(Member).where(Member.id == member).values(welcomed_at=now))


async def choose_language(db: Database, member: str, language: str | None) -> None:
    """Write down in which language somebody reads; None: as their browser says. Raises `DatabaseDown`."""
    async with db.write() as session:
        await session.execute(sa.update(Member).where(Member.id == member).values(language=language))


async def chosen_language(db: Database, member: str) -> str | None:
    """Find what somebody chose. Raises `DatabaseDown`."""
    async with db.read() as session:
        return await session.scalar(sa.select(Member.language).where(Member.id == member))
