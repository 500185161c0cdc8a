"""How current each source is, for staff and for programs that watch: it names no customer and no record."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from cache.client import CacheDown
from cache.marks import Marks
from connectors.records import KINDS, Kind
from gateway.checked import mark_of, parse_mark
from gateway.offices import Office, Offices
from gateway.records.database import Database
from gateway.records.feed_tables import FeedRow, SweepRow


class FollowedKind(Struct, frozen=True, kw_only=True):
    """A feed. `checked_at` is what it vouches for, None: nothing, or Redis is away. `error` is for operators."""

    kind: Kind
    promise: timedelta
    checked_at: datetime | None
    failing_since: datetime | None = None
    error: str | None = None

    def is_late(self, now: datetime) -> bool:
        return self.checked_at is None or now - self.checked_at > self.promise


class Agreement(Struct, frozen=True):
    """How many records of a kind were as we had kept them, and how many were not, and are now."""

    agreed: int
    differing: int

    @property
    def rate(self) -> float | None:
        """The share that agreed, None where nothing was compared."""
        total = self.agreed + self.differing
        return self.agreed / total if total else None


class SweepState(Struct, frozen=True, kw_only=True):
    """The sweep that is under way, or the last one. `remaining` is an estimate, None where there is none yet.

    `read` are the records that it has found. `is_first`: no other has come to its end before.
    """

    done: int
    total: int
    begun_at: datetime
    ended_at: datetime | None
    remaining: timedelta | None
    agreement: Mapping[Kind, Agreement]
    read: Mapping[Kind, int]
    is_first: bool


class FollowedSource(Struct, frozen=True, kw_only=True):
    """A source with what is followed of it."""

    name: str
    title: str
    kinds: tuple[FollowedKind, ...]
    sweep: SweepState | None


async def overview(db: Database, offices: Offices, marks: Marks, now: datetime) -> tuple[FollowedSource, ...]:
    """Look at all sources. Raises `DatabaseDown`."""
    async with db.read() as session:
        feeds = {(row.source, row.kind): row for row in await session.scalars(sa.select(FeedRow))}
        sweeps = {row.source: row for row in await session.scalars(sa.select(SweepRow))}
    found: list[FollowedSource] = []
    for office in (await offices.all()).values():
        kinds = [await _kind(office, kind, feeds.get((office.name, kind)), marks) for kind in office.connector.feeds]
        row = sweeps.get(office.name)
        sweep = _sweep(row, now) if row else None
        found.append(FollowedSource(name=office.name, title=office.title, kinds=tuple(kinds), sweep=sweep))
    return tuple(found)


async def _kind(office: Office, kind: Kind, row: FeedRow | None, marks: Marks) -> FollowedKind:
    try:
        checked = parse_mark(await marks.get(mark_of(office, kind)))
    except CacheDown:
        checked = None
    return FollowedKind(
        kind=kind,
        promise=office.promise(kind),
        checked_at=checked.checked_at if checked else None,
        failing_since=row.failing_since if row else None,
        error=row.error if row else None,
    )


def _sweep(row: SweepRow, now: datetime) -> SweepState:
    compared = row.compared if row.compared or row.ended_at is None else row.last or {}
    return SweepState(
        done=row.done,
        total=row.total,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        remaining=_remaining(row, now),
        read={kind: compared[f"{kind}:read"] for kind in KINDS if f"{kind}:read" in compared},
        is_first=row.last is None,
        agreement={
            kind: Agreement(compared.get(f"{kind}:agreed", 0), compared.get(f"{kind}:differing", 0)) for kind in KINDS
        },
    )


def _remaining(row: SweepRow, now: datetime) -> timedelta | None:
    if row.ended_at is not None or not row.done:
        return None
    return (now - row.begun_at) / row.done * max(row.total - row.done, 0)
