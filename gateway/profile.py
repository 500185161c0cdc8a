"""What the portal knows of the person who is signed in, apart from any record."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.tables import Member, Session


class Profile(Struct, frozen=True, kw_only=True):
    """`last_visit_at` is when an earlier session of theirs was last used; None on the first visit."""

    name: str | None
    email: str | None
    subject: str
    last_visit_at: datetime | None

    @property
    def called(self) -> str:
        return self.name or self.email or self.subject


async def read_profile(session: AsyncSession, member_id: str, session_hash: bytes) -> Profile:
    """Read a member who is known to be signed in with the session of that hash."""
    member = sa.select(Member.name, Member.email, Member.subject).where(Member.id == member_id)
    visits = sa.select(sa.func.max(Session.seen_at, type_=Session.seen_at.type)).where(
        Session.member_id == member_id, Session.id_hash != session_hash
    )
    name, email, subject = (await session.execute(member)).one()
    last_visit_at = await session.scalar(visits)
    return Profile(name=name, email=email, subject=subject, last_visit_at=last_visit_at)
