"""What the portal knows of the person who is signed in, apart from any record."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.database import Database
from gateway.records.tables import Link, Member, Session


class Profile(Struct, frozen=True, kw_only=True):
    """`last_visit_at` is when an earlier session of theirs was last used; None on the first visit."""

    name: str | None
    email: str | None
    subject: str
    last_visit_at: datetime | None

    @property
    def called(self) -> str:
        return self.name or self.email or self.subject


class Proof(Struct, frozen=True, kw_only=True):
    """Why the account is that customer in that source."""

    source: str
    customer: str
    fact: str
    decided_at: datetime


async def read_profile(session: AsyncSession, member_id: str, session_hash: bytes) -> Profile:
    """Read a member who is known to be signed in with the session of that hash."""
    member = sa.select(Member.name, Member.email, Member.subject).where(Member.id == member_id)
    visits = sa.select(sa.func.max(Session.seen_at, type_=Session.seen_at.type)).where(
        Session.member_id == member_id, Session.id_hash != session_hash
    )
    name, email, subject = (await session.execute(member)).one()
    last_visit_at = await session.scalar(visits)
    return Profile(name=name, email=email, subject=subject, last_visit_at=last_visit_at)


async def proofs_of(db: Database, account_id: str) -> tuple[Proof, ...]:
    links = (
        sa.select(Link.source, Link.customer, Link.fact, Link.decided_at)
        .where(Link.account_id == account_id)
        .order_by(Link.source, Link.customer)
    )
    async with db.read() as session:
        rows = (await session.execute(links)).all()
    return tuple(
        Proof(source=source, customer=customer, fact=fact, decided_at=decided_at)
        for source, customer, fact, decided_at in rows
    )
