"""Who is there, for whoever writes down what a member did, and on how many days they were: at most once a day."""

from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.tables import Member


async def still_there(session: AsyncSession, members: Collection[str | None]) -> set[str]:
    """Say who of these are still members. They stay so until the transaction ends: who erases one meanwhile waits."""
    these = sa.select(Member.id).where(Member.id.in_(sorted({each for each in members if each}))).order_by(Member.id)
    return set(await session.scalars(these.with_for_update(read=True, key_share=True)))


async def note_seen(session: AsyncSession, members: Collection[str], now: datetime) -> None:
    """Count today for these members, if it is not counted yet. Whom somebody else writes at this moment is left."""
    today = now.astimezone(UTC).date()
    not_yet = sa.or_(Member.seen_on.is_(None), Member.seen_on < today)
    free = (
        sa.select(Member.id)
        .where(Member.id.in_(sorted(members)), not_yet)
        .with_for_update(skip_locked=True, key_share=True)
    )
    these = sa.update(Member).where(Member.id.in_(free))
    await session.execute(these.values(seen_on=today, days=Member.days + 1))
