"""Accounts that were merged into another one stay as signposts. Who writes down an account's name asks here first."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.tables import Account


async def present(session: AsyncSession, account: str) -> str:
    """Say what an account is now: itself, or the one that it was merged into. One that there is not is itself.

    It stays so until the transaction ends: who merges it meanwhile waits.
    """
    this = sa.select(Account.merged_into).where(Account.id == account)
    return await session.scalar(this.with_for_update(read=True, key_share=True)) or account


async def signposts(session: AsyncSession, accounts: Collection[str | None]) -> dict[str | None, str]:
    """Say of several which of them are signposts, and to where, as `present` does. The others are left out."""
    named = sorted({each for each in accounts if each})
    these = sa.select(Account.id, Account.merged_into).where(Account.id.in_(named)).order_by(Account.id)
    rows = await session.execute(these.with_for_update(read=True, key_share=True))
    return {id_: merged_into for id_, merged_into in rows if merged_into}
