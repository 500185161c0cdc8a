"""Who is in which segment, for staff who look."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import utc_now
from gateway.records.database import Database
from gateway.records.tables import Account
from gateway.segments import EVERYBODY, Facts, Policy, is_sure
from gateway.sorting import read_facts


class Belonging(Struct, frozen=True, kw_only=True):
    """An account, and the segments that it may be in: one where that is known.

    `said`: what the systems told of what the segments ask for. `read_at`: the oldest of it; None: some of it never.
    """

    id: str
    name: str
    segments: tuple[str, ...]
    said: tuple[str, ...]
    read_at: datetime | None

    @property
    def is_sure(self) -> bool:
        return is_sure(self.segments)


async def belongings_of(db: Database, policy: Policy) -> list[Belonging]:
    """Sort all accounts, by their names."""
    accounts = sa.select(Account.id, Account.name).where(Account.merged_into.is_(None))
    async with db.read() as session:
        rows = (await session.execute(accounts.order_by(sa.func.lower(Account.name), Account.id))).all()
        facts = await read_facts(session, None, policy.asked) if policy.segments else {}
    now = utc_now()

    asked = {prop for names in policy.asked.values() for prop in names}

    def sort_all() -> list[Belonging]:
        return [_belonging((key, name), policy, facts.get(key, {}), asked, now) for key, name in rows]

    return await asyncio.to_thread(sort_all)  # of many it takes a while, and others wait for their pages


def counts_of(found: list[Belonging]) -> tuple[Mapping[str, int], int]:
    """Count who is surely in each segment, and who may be in several."""
    sure = [each.segments[0] for each in found if each.is_sure]
    return Counter(sure), len(found) - len(sure)


def _belonging(
    account: tuple[str, str], policy: Policy, facts: Facts, asked: AbstractSet[str], now: datetime
) -> Belonging:
    known = [each for its in facts.values() for each in its]
    said = [
        f"{prop}: {', '.join(values) or 'nothing'}"
        for each in known
        if each
        for prop, values in sorted(each.values.items())
        if prop in asked
    ]
    ages = [each.read_at for each in known if each]
    return Belonging(
        id=account[0],
        name=account[1],
        segments=policy.names_for(facts, now) if policy.segments else (EVERYBODY,),
        said=tuple(dict.fromkeys(said)),
        read_at=min(ages) if ages and len(ages) == len(known) else None,
    )
