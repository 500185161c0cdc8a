"""Removing a source: first what goes with it, and for whom; then the very change that a sources file would make."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.narrowed import narrowed
from connectors.records import KINDS, Kind
from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.feed_tables import SweepRow
from gateway.records.lines import By
from gateway.records.tables import Link, Membership, Person, Source
from gateway.sources.changes import OVERTAKEN, Diff, SourcesChangedError, apply, last_change, plan, waiting_for
from gateway.sources.desired import Connectors
from gateway.sources.resting import Resting, resting_on
from gateway.vault import Vault


class Going(Struct, frozen=True, kw_only=True):
    """What goes with a source, or stops. `version` is for `remove`, which does nothing if the source has changed.

    `alone`: accounts that no other source knows. `records`: by kind, as the last whole reading found them, None: it
    never was read as a whole. `only_here`: kinds that no other source has. `waiting`: what customers sent there and
    has not gone out. `resting`: what cannot be told, or has nowhere to go, without it.
    """

    name: str
    title: str
    version: str
    accounts: int
    alone: int
    members: int
    links: int
    persons: int
    records: Mapping[Kind, int] | None
    only_here: tuple[Kind, ...]
    waiting: int
    resting: Resting


async def what_goes(db: Database, connectors: Connectors, source: str) -> Going | None:
    """None: there is no such source. Raises `DatabaseDown`."""
    async with db.read() as session:
        row = await session.get(Source, source)
        if row is None:
            return None
        others = await session.scalars(sa.select(Source).where(Source.name != source))
        elsewhere = {kind for other in others for kind in _kinds(other, connectors)}
        theirs = sa.select(Link.account_id).where(Link.source == source).distinct().subquery()
        has_others = sa.select(Link.account_id).where(Link.source != source)
        of_them = theirs.c.account_id
        swept = await session.get(SweepRow, source)
        return Going(
            name=source,
            title=row.title,
            version=last_change(row).isoformat(),
            accounts=await _count(session, sa.select(of_them)),
            alone=await _count(session, sa.select(of_them).where(of_them.not_in(has_others))),
            members=await _count(
                session, sa.select(Membership.member_id).where(Membership.account_id.in_(sa.select(of_them))).distinct()
            ),
            links=await _count(session, sa.select(Link.customer).where(Link.source == source)),
            persons=await _count(session, sa.select(Person.person).where(Person.source == source)),
            records=_records(swept),
            only_here=tuple(kind for kind in _kinds(row, connectors) if kind not in elsewhere),
            waiting=await waiting_for(session, source),
            resting=await resting_on(session, source),
        )


async def remove(
    db: Database,
    vault: Vault,
    connectors: Connectors,
    *,
    source: str,
    version: str | None,
    even_waiting: bool,
    now: datetime,
    trail: Trail,
    by: By,
) -> None:
    """Take a source away, as `hallway sources apply --prune` does with one that the file does not name.

    `version` None: whatever it is like now. `even_waiting`: also where something still waits to go there; staff then
    decide about each. Raises `SourcesChangedError`, and `SourceNeededError` where something waits.
    """
    diff = await plan(db, vault, connectors, (), prune=True)
    change = next((each for each in diff.changes if each.name == source), None)
    if change is None or change.seen is None or (version is not None and change.seen.isoformat() != version):
        raise SourcesChangedError(OVERTAKEN)
    await apply(db, vault, Diff((replace(change, even_waiting=even_waiting),)), now, trail=trail, by=by)


def _kinds(row: Source, connectors: Connectors) -> tuple[Kind, ...]:
    connector = connectors.get(row.connector)
    return tuple(narrowed(connector, row.kinds).reads) if connector else ()


async def _count(session: AsyncSession, rows: sa.Select[Any]) -> int:
    return await session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0


def _records(swept: SweepRow | None) -> dict[Kind, int] | None:
    if swept is None:
        return None
    counted = swept.last or swept.compared
    return {kind: counted[f"{kind}:read"] for kind in KINDS if f"{kind}:read" in counted}
