"""Trying what customers would see before they do: what appears and what disappears of all that is kept.

Nothing is asked of any source, nothing is written, and nothing of it is kept.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import get_args

from msgspec import Struct

from auth.clock import Clock
from cache.client import Client
from connectors.records import Kind, Record
from gateway.feeds.reading import reading_of
from gateway.feeds.trying import AT_ONCE, BACK, Grouped, Grouping, is_recent, lists_of
from gateway.offices import Offices
from gateway.pull import Pull
from gateway.records.database import Database
from gateway.rights import AREA_OF, AREAS, REACHES
from gateway.segments import EVERYBODY, Policy, is_sure
from gateway.shown import FILES, GROUPS, Shown, conceal_one
from gateway.sight import has_files
from gateway.sorting import sort

Key = tuple[str, bool]  # what, and whether more of it is seen
Segments = Mapping[str, tuple[str, ...]]  # account -> those that it may be in


class Group(Struct, frozen=True, kw_only=True):
    """Records of which something appears or disappears. `what`: an area, or "orders.lines". `example` is one."""

    what: str
    more: bool
    records: int
    accounts: int
    example: str


class Sorted(Struct, frozen=True, kw_only=True):
    """How many accounts are surely in a segment, before and after."""

    name: str
    title: str
    before: int
    after: int


class Trial(Struct, frozen=True, kw_only=True):
    """What would change, of the lists that are kept; `is_all` False: there are more lists.

    `accounts` are those of `all_accounts` that notice anything, `unsure` those that may be in several segments.
    """

    looked_at: int
    hidden: int
    uncovered: int
    accounts: int
    all_accounts: int
    unsure: int
    groups: tuple[Group, ...]
    segments: tuple[Sorted, ...]
    is_all: bool


class Tally:
    """Counts while the lists go by."""

    def __init__(self) -> None:
        self.looked_at = self.hidden = self.uncovered = 0
        self.grouping: Grouping[Key] = Grouping()

    def take(self, account: str, kind: Kind, record: Record, before: Shown, after: Shown) -> None:
        self.looked_at += 1
        keys = set(_changes(kind, record, before, after))
        self.hidden += any(not more for _, more in keys)
        self.uncovered += any(more for _, more in keys)
        for key in keys:
            self.grouping.take(key, record, account)


class Showing:
    """Tries other documents on what is kept."""

    def __init__(self, db: Database, redis: Client, offices: Offices, clock: Clock) -> None:
        self._db = db
        self._offices = offices
        self._reading = reading_of(redis, clock)
        self._clock = clock

    async def rehearse(self, before: Policy, after: Policy) -> Trial:
        """Say what customers would notice. Raises `CacheDown` and `DatabaseDown`."""
        wants, is_all = await self._wants()
        accounts = {want.account for want in wants}
        async with self._db.read() as session:
            _, was = await sort(session, accounts, before)
            _, will = await sort(session, accounts, after)
        tally = Tally()
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(want: Pull) -> None:
            shown = before.seen_by(was[want.account]).shown, after.seen_by(will[want.account]).shown
            if shown[0] == shown[1]:
                return
            async with gate:
                known = await self._reading.kept(want)
            for record in known.records if known else ():
                if is_recent(record, self._clock() - BACK):
                    tally.take(want.account, want.kind, record, *shown)

        await asyncio.gather(*map(look, wants))
        groups = await tally.grouping.groups(self._db)
        return Trial(
            looked_at=tally.looked_at,
            hidden=tally.hidden,
            uncovered=tally.uncovered,
            accounts=tally.grouping.accounts,
            all_accounts=len(accounts),
            unsure=sum(not is_sure(its) for its in will.values()),
            groups=tuple(map(_group, groups)),
            segments=tuple(_sorted(before, after, was, will)),
            is_all=is_all,
        )

    async def _wants(self) -> tuple[list[Pull], bool]:
        offices = await self._offices.all()
        kinds = {
            name: [kind for kind in get_args(Kind) if kind in office.connector.reads]
            for name, office in offices.items()
            if office.opened
        }
        return await lists_of(self._db, offices, kinds)


def _group(found: Grouped[Key]) -> Group:
    what, more = found.what
    return Group(what=what, more=more, records=found.records, accounts=found.accounts, example=found.example)


def _changes(kind: Kind, record: Record, before: Shown, after: Shown) -> Iterator[Key]:
    """Name what of a record is seen by one and not by the other."""
    for area in AREAS:
        reaches = [REACHES.index(shown.most.reach(area)) for shown in (before, after)]
        if reaches[0] != reaches[1] and (area == AREA_OF[kind] or (area == "documents" and has_files(record))):
            yield area, reaches[1] > reaches[0]
    for group in GROUPS[kind]:
        if before.shows(kind, group) != after.shows(kind, group) and _has(kind, record, group):
            yield f"{kind}.{group}", after.shows(kind, group)


def _has(kind: Kind, record: Record, group: str) -> bool:
    """Whether a record has anything of a group."""
    if group == FILES:
        return has_files(record)
    return conceal_one(kind, record, _without(group)) is not record


@lru_cache
def _without(group: str) -> Shown:
    return Shown(fields={kind: frozenset(groups) - {group} for kind, groups in GROUPS.items()})


def _sorted(before: Policy, after: Policy, was: Segments, will: Segments) -> Iterable[Sorted]:
    counts = [Counter(names[0] for names in its.values() if is_sure(names)) for its in (was, will)]
    titles = {each.name: each.title for policy in (before, after) for each in policy.segments}
    if titles:
        for name, title in {**titles, EVERYBODY: "Everybody else"}.items():
            yield Sorted(name=name, title=title, before=counts[0][name], after=counts[1][name])
