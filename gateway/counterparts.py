"""Who looks after an account, as each of its back offices said within the last day."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.counterparts import Counterpart
from gateway.records.status_tables import CustomerFacts
from gateway.records.tables import Link

TRUSTED = timedelta(days=1)  # so long it is taken for true


class LooksAfter(Struct, frozen=True, kw_only=True):
    """Who it is by one source, for one of the customers that the account is there."""

    source: str
    customer: str
    who: Counterpart
    at: datetime  # when it told


class Coverage(Struct, frozen=True, kw_only=True):
    """Of how many customers a source said within the last day who looks after them, and of how many: nobody."""

    named: int = 0
    nobody: int = 0


async def coverage(session: AsyncSession, now: datetime) -> Mapping[str, Coverage]:
    """Count it by source."""
    is_named = CustomerFacts.counterpart.is_not(None)
    counts = (
        sa.select(CustomerFacts.source, sa.func.count().filter(is_named), sa.func.count().filter(~is_named))
        .where(CustomerFacts.counterpart_at >= now - TRUSTED)
        .group_by(CustomerFacts.source)
    )
    return {source: Coverage(named=some, nobody=none) for source, some, none in await session.execute(counts)}


async def counterparts_of(
    session: AsyncSession, accounts: Collection[str], now: datetime
) -> Mapping[str, tuple[LooksAfter, ...]]:
    """Read it for many accounts: by source, and of its customers there first whom it was linked to first."""
    found: dict[str, list[LooksAfter]] = defaultdict(list)
    if accounts:
        same = (CustomerFacts.source == Link.source) & (CustomerFacts.customer == Link.customer)
        at = CustomerFacts.counterpart_at
        rows = (
            sa.select(Link.account_id, Link.source, Link.customer, CustomerFacts.counterpart, at)
            .join(CustomerFacts, same)
            .where(Link.account_id.in_(accounts), at >= now - TRUSTED, CustomerFacts.counterpart.is_not(None))
            .order_by(Link.source, Link.decided_at, Link.customer)
        )
        for account, source, customer, counterpart, told_at in await session.execute(rows):
            who = msgspec.convert(counterpart, Counterpart)
            found[account].append(LooksAfter(source=source, customer=customer, who=who, at=told_at))
    return {account: tuple(said) for account, said in found.items()}
