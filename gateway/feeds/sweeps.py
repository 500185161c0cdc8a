"""How far the sweep of each source is, for its next turn and for staff."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import LinkRef
from gateway.audit import Trail
from gateway.offices import Office
from gateway.records.database import Database
from gateway.records.feed_tables import SweepRow
from gateway.records.lines import By, of_source
from gateway.records.tables import Link, Source
from gateway.records.upsert import insert


class Sweep(Struct, frozen=True, kw_only=True):
    """A sweep that is under way since `begun_at`: `done` of `total` links."""

    begun_at: datetime
    place: str | None
    done: int
    total: int
    compared: Mapping[str, int]

    @staticmethod
    def place_of(account: str, link: LinkRef) -> str:
        return f"{account}\n{link.customer}"


class Sweeps:
    """The rows of sweeps. Every method raises `DatabaseDown`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def go_on(self, office: Office, now: datetime, *, every: timedelta) -> Sweep | None:
        """Give the sweep that is under way, or begin one if it is due. None: it is not."""
        async with self._db.write() as session:
            row = await _find(session, office)
            if row is None or row.version != office.version or _is_due(row, now, every):
                total = await session.scalar(sa.select(sa.func.count()).where(Link.source == office.name)) or 0
                row = await _begin(session, office, now, total)
            if row.ended_at is not None:
                return None
            return Sweep(begun_at=row.begun_at, place=row.place, done=row.done, total=row.total, compared=row.compared)

    async def links_after(self, office: Office, place: str | None, *, most: int) -> Sequence[tuple[str, LinkRef]]:
        """Give the next links of a source, each with its account."""
        where = [Link.source == office.name]
        if place is not None:
            where.append(sa.tuple_(Link.account_id, Link.customer) > tuple(place.split("\n", 1)))
        some = sa.select(Link.account_id, Link.customer).where(*where).order_by(Link.account_id, Link.customer)
        async with self._db.read() as session:
            found = await session.execute(some.limit(most))
            return [(account, LinkRef(office.name, customer)) for account, customer in found]

    async def came_to(self, office: Office, sweep: Sweep, place: str, links: int, compared: Mapping[str, int]) -> None:
        """Note that some more links are done. Where somebody had it begin anew meanwhile, they count for nothing."""
        async with self._db.write() as session:
            row = await _find(session, office)
            if row is not None and (row.version, row.begun_at) == (office.version, sweep.begun_at):
                row.place, row.done = place, row.done + links
                row.compared = dict(Counter(row.compared) + Counter(compared))

    async def end(self, office: Office, now: datetime) -> None:
        """Note that there are no more links."""
        async with self._db.write() as session:
            row = await _find(session, office)
            if row is not None:
                row.ended_at, row.last = now, row.compared


async def read_anew(db: Database, *, source: str, now: datetime, trail: Trail, by: By) -> bool:
    """Have all lists of a source read as a whole once more, from the beginning. False: there is no such source."""
    async with db.write() as session:
        if await session.get(Source, source) is None:
            return False
        total = await session.scalar(sa.select(sa.func.count()).where(Link.source == source)) or 0
        anew = sa.update(SweepRow).where(SweepRow.source == source)
        await session.execute(anew.values(place=None, begun_at=now, done=0, total=total, compared={}, ended_at=None))
        await trail.record(session, of_source("source.read_anew", source, by))
        return True


async def _find(session: AsyncSession, office: Office) -> SweepRow | None:
    return await session.scalar(sa.select(SweepRow).where(SweepRow.source == office.name).with_for_update())


def _is_due(row: SweepRow, now: datetime, every: timedelta) -> bool:
    return row.ended_at is not None and now - row.begun_at >= every


async def _begin(session: AsyncSession, office: Office, now: datetime, total: int) -> SweepRow:
    fresh: dict[str, object] = {
        "version": office.version,
        "place": None,
        "begun_at": now,
        "done": 0,
        "total": total,
        "compared": {},
        "ended_at": None,
    }
    row = insert(session, SweepRow).values(source=office.name, **fresh)
    await session.execute(row.on_conflict_do_update(index_elements=[SweepRow.source], set_=fresh))
    its = sa.select(SweepRow).where(SweepRow.source == office.name).execution_options(populate_existing=True)
    return (await session.scalars(its)).one()
