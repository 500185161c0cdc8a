"""Who is in which segment, for staff who look: by the marks, and each one who is shown by what is known now."""

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import utc_now
from gateway.finding import Found, pattern_of, some_of, stretch
from gateway.records.database import Database
from gateway.records.status_tables import SegmentMark
from gateway.records.tables import Account
from gateway.seeing.marks import Code, code_of, count_left
from gateway.segments import EVERYBODY, Facts, Policy, is_sure
from gateway.sorting import read_facts

BATCH = 1000  # of an export
MANY_LEFT = 10_000  # more are not counted


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


class Sizes(Struct, frozen=True, kw_only=True):
    """How many accounts are surely in each segment, how many may be in several, and how many are still to be sorted."""

    sure: Mapping[str, int]
    unsure: int = 0
    left: int = 0


async def sizes_of(db: Database, policy: Policy) -> Sizes:
    """Count who is in each segment."""
    async with db.read() as session:
        if not policy.segments:
            there = sa.select(sa.func.count()).select_from(Account).where(Account.merged_into.is_(None))
            return Sizes(sure={EVERYBODY: await session.scalar(there) or 0})
        groups = await _groups(session, code_of(policy))
        left = await count_left(session, policy, utc_now(), MANY_LEFT)
    sure: dict[str, int] = {}
    for names, many in groups.values():
        if len(names) == 1:
            sure[names[0]] = sure.get(names[0], 0) + many
    unsure = sum(many for names, many in groups.values() if len(names) > 1)
    return Sizes(sure=sure, unsure=unsure, left=left)


async def members_of(
    db: Database, policy: Policy, name: str, *, words: str = "", unsure: bool = False, page: int = 1, size: int = BATCH
) -> Found[Belonging]:
    """Give a page of those who are in a segment, or may be in it, by their names. Pages count from 1."""
    async with db.read() as session:
        if not policy.segments and not words and not unsure:
            return await _all_accounts(session, policy, page, size)
        groups = await _groups(session, code_of(policy))
        held = [key for key, (names, _) in groups.items() if name in names and (len(names) > 1 or not unsure)]
        if policy.segments and not words:
            count = sum(groups[key][1] for key in held)
            ids = await _page(session, held, count, page, size)
            return Found(await _belongings(session, policy, name, ids), count)
        found = await some_of(session, _searched(policy, held, words, unsure=unsure), page, size)
        return Found(await _belongings(session, policy, name, found.found), found.count, is_more=found.is_more)


async def every_member(
    db: Database, policy: Policy, name: str, *, words: str = "", unsure: bool = False
) -> AsyncIterator[Belonging]:
    """Go through all of them, for a file."""
    async with db.read() as session:
        groups = await _groups(session, code_of(policy))
        held = [key for key, (names, _) in groups.items() if name in names and (len(names) > 1 or not unsure)]
        ids = list(await session.scalars(_searched(policy, held, words, unsure=unsure)))
    for begin in range(0, len(ids), BATCH):
        async with db.read() as session:
            some = await _belongings(session, policy, name, ids[begin : begin + BATCH])
        for each in some:
            yield each


async def _groups(session: AsyncSession, code: Code) -> dict[str, tuple[tuple[str, ...], int]]:
    """Tell the marks that say the same, what that is, and how many they are."""
    rows = sa.select(SegmentMark.held, sa.func.count()).where(code.marks).group_by(SegmentMark.held)
    return {held: (code.read(held), many) for held, many in await session.execute(rows)}


async def _page(session: AsyncSession, held: Sequence[str], count: int, page: int, size: int) -> list[str]:
    """Read a page along the index: of each group as much as could be on it, from the nearer end."""
    offset, limit, from_end = stretch(count, page, size)
    if not limit:
        return []
    keys = (SegmentMark.words, SegmentMark.account_id)
    order = [each.desc() for each in keys] if from_end else list(keys)
    if len(held) == 1:
        rows = sa.select(SegmentMark.account_id).where(SegmentMark.held == held[0]).order_by(*order)
        found = list(await session.scalars(rows.limit(limit).offset(offset)))
    else:
        parts = [sa.select(*keys).where(SegmentMark.held == each).order_by(*order) for each in held]
        one = sa.union_all(*(sa.select(each.limit(offset + limit).subquery()) for each in parts)).subquery()
        last = [each.desc() if from_end else each for each in (one.c.words, one.c.account_id)]
        found = list(await session.scalars(sa.select(one.c.account_id).order_by(*last).limit(limit).offset(offset)))
    return found[::-1] if from_end else found


def _searched(policy: Policy, held: Sequence[str], words: str, *, unsure: bool) -> sa.Select[str]:
    if not policy.segments:
        like = [Account.words.like(pattern_of(each), escape="/") for each in words.split()]
        there = sa.and_(Account.merged_into.is_(None), sa.true() if not unsure else sa.false())
        return sa.select(Account.id).where(there, *like).order_by(Account.words, Account.id)
    fits = [SegmentMark.words.like(pattern_of(each), escape="/") for each in words.split()]
    keys = (SegmentMark.words, SegmentMark.account_id)
    return sa.select(SegmentMark.account_id).where(SegmentMark.held.in_(held), *fits).order_by(*keys)


async def _all_accounts(session: AsyncSession, policy: Policy, page: int, size: int) -> Found[Belonging]:
    there = Account.merged_into.is_(None)
    count = await session.scalar(sa.select(sa.func.count()).select_from(Account).where(there)) or 0
    offset, limit, from_end = stretch(count, page, size)
    keys = (Account.words, Account.id)
    order = [each.desc() for each in keys] if from_end else list(keys)
    ids = list(await session.scalars(sa.select(Account.id).where(there).order_by(*order).limit(limit).offset(offset)))
    return Found(await _belongings(session, policy, EVERYBODY, ids[::-1] if from_end else ids), count)


async def _belongings(session: AsyncSession, policy: Policy, name: str, ids: Sequence[str]) -> tuple[Belonging, ...]:
    """Sort some accounts, by what is known now. Who is in that segment no more is left out."""
    named = sa.select(Account.id, Account.name).where(Account.id.in_(ids))
    names = {row.id: row.name for row in await session.execute(named)}
    facts = await read_facts(session, ids, policy.asked) if policy.segments else {}
    now = utc_now()
    asked = {prop for props in policy.asked.values() for prop in props}
    found = (_belonging((key, names[key]), policy, facts.get(key, {}), asked, now) for key in ids if key in names)
    return tuple(each for each in found if name in each.segments)


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
