"""Which segments accounts are in, by what is published and what was last read of their customers."""

from collections import defaultdict
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import utc_now
from gateway.records.status_tables import CustomerFacts, VisibilityVersion
from gateway.records.tables import Link
from gateway.segments import CAREFUL_POLICY, EVERYBODY, Facts, Known, Policy, read_policy

NEWEST = sa.select(VisibilityVersion.content).order_by(VisibilityVersion.number.desc()).limit(1)


async def sorted_into(session: AsyncSession, account: str) -> tuple[Policy, tuple[str, ...]]:
    """Give what is published, and the segments that an account may be in."""
    policy, segments = await sort(session, [account])
    return policy, segments[account]


async def sort(
    session: AsyncSession, accounts: Collection[str], policy: Policy | None = None
) -> tuple[Policy, dict[str, tuple[str, ...]]]:
    """Do as `sorted_into` for many, by what is published or by another policy.

    Where the document cannot be read nobody knows which segments there are: an account may be in any.
    """
    if policy is None:
        policy = read_policy(await session.scalar(NEWEST)) if accounts else Policy()
    if policy is CAREFUL_POLICY:
        return policy, dict.fromkeys(accounts, ())
    if not policy.segments:
        return policy, dict.fromkeys(accounts, (EVERYBODY,))
    facts, now = await read_facts(session, accounts, policy.asked), utc_now()
    return policy, {account: policy.names_for(facts.get(account, {}), now) for account in accounts}


async def read_facts(session: AsyncSession, accounts: Collection[str], sources: Collection[str]) -> Mapping[str, Facts]:
    """Read what is known of the customers that accounts are in some sources.

    Those of other sources are left out here: SQLite would go through all links of a source to find these few.
    """
    same = (CustomerFacts.source == Link.source) & (CustomerFacts.customer == Link.customer)
    rows = (
        sa.select(Link.account_id, Link.source, CustomerFacts.facts, CustomerFacts.read_at)
        .join(CustomerFacts, same, isouter=True)
        .where(Link.account_id.in_(accounts))
    )
    found: dict[str, dict[str, tuple[Known | None, ...]]] = defaultdict(dict)
    for account, source, facts, read_at in await session.execute(rows):
        if source not in sources:
            continue
        known = None if facts is None else Known({name: tuple(values) for name, values in facts.items()}, read_at)
        found[account][source] = (*found[account].get(source, ()), known)
    return found
