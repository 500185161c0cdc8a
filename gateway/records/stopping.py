"""Addresses whose people want no mails about invitations. It is of the address: no later invitation changes it.

Who is erased is forgotten with it.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.identity_tables import Invitation


async def stopped_among(session: AsyncSession, emails: Collection[str]) -> set[str]:
    """Say which of some addresses, as invitations have them, are to get no such mail any more."""
    these = sa.select(Invitation.email).where(Invitation.email.in_(set(emails)), Invitation.stopped_at.is_not(None))
    return set(await session.scalars(these))
