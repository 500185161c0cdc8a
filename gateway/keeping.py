"""How long what is kept: as an owner set it, without that as the environment says, or as Hallway does by itself.

Each clean-up asks here when it begins, so what is set counts in all processes from their next one on.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, get_args

import sqlalchemy as sa
from msgspec import Struct

from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.retention_tables import RetentionRow
from gateway.records.upsert import insert
from gateway.settings import Settings

KeptThing = Literal["pages", "deliveries", "refused", "uploads", "documents", "mails", "usage", "searches", "sessions"]
KeptFor = Callable[[], Awaitable[timedelta]]
KEPT: Final[tuple[KeptThing, ...]] = get_args(KeptThing)
ONE = "retention"  # the row's name

# The fewest and the most days that can be set. Mails: so that nothing is told twice.
BOUNDS: Final[Mapping[KeptThing, tuple[int, int]]] = {
    "pages": (0, 400),
    "deliveries": (1, 90),
    "refused": (8, 90),
    "uploads": (1, 400),
    "documents": (1, 3650),
    "mails": (90, 3650),
    "usage": (30, 400),
    "searches": (7, 400),
    "sessions": (30, 3650),
}
# What Hallway does by itself. A delivery that comes again later is taken for a new one, which does no harm.
BY_ITSELF: Final[Mapping[KeptThing, int]] = {
    "deliveries": 7,
    "refused": 8,
    "mails": 400,
    "usage": 90,
    "searches": 90,
    "sessions": 400,
}
SETTINGS: Final[Mapping[KeptThing, str]] = {
    "pages": "HALLWAY_PAGES_KEPT",
    "uploads": "HALLWAY_UPLOADS_KEPT",
    "documents": "HALLWAY_DOCUMENTS_KEPT",
}


class KeepingChanged(Exception):  # noqa: N818  # says what is the matter
    """Somebody else has changed it since it was looked at."""


class Chosen(Struct, frozen=True):
    """What an owner has set, in days. Version 0: nothing, ever."""

    version: int
    days: Mapping[KeptThing, int]


class Keeping:
    """`default` is what counts where nothing is set, in days."""

    def __init__(self, db: Database, default: Mapping[KeptThing, int]) -> None:
        self._db = db
        self.default = default

    async def chosen(self) -> Chosen:
        """Raises `DatabaseDown`."""
        async with self._db.read() as session:
            row = await session.get(RetentionRow, ONE)
            return Chosen(row.version, _within(row.days)) if row else Chosen(0, {})

    async def days(self) -> Mapping[KeptThing, int]:
        """Say what counts of each. Raises `DatabaseDown`."""
        return {**self.default, **(await self.chosen()).days}

    async def kept(self, name: KeptThing) -> timedelta:
        """Say for how long that is kept at this moment. Raises `DatabaseDown`."""
        return timedelta(days=(await self.days())[name])

    def of(self, name: KeptThing) -> KeptFor:
        """Give what a clean-up asks."""
        return partial(self.kept, name)

    async def save(self, days: Mapping[KeptThing, int], *, seen: int, trail: Trail, by: By, now: datetime) -> None:
        """Set days; what is not named is as without it. Raises `ValueError` beyond the bounds, `KeepingChanged`."""
        if any(not BOUNDS[name][0] <= many <= BOUNDS[name][1] for name, many in days.items()):
            raise ValueError("beyond the bounds")
        async with self._db.write() as session:
            first = {"name": ONE, "version": 0, "days": {}, "changed_at": now}
            await session.execute(insert(session, RetentionRow).values(**first).on_conflict_do_nothing())
            row = (await session.scalars(sa.select(RetentionRow).with_for_update())).one()
            if row.version != seen:
                raise KeepingChanged
            before = {**self.default, **_within(row.days)}
            row.version, row.days, row.changed_at = (
                row.version + 1,
                {str(name): many for name, many in days.items()},
                now,
            )
            after = {**self.default, **days}
            changed = {name: [before[name], after[name]] for name in KEPT if before[name] != after[name]}
            details = {"version": row.version, "days": changed}
            await trail.record(
                session, Line(what="retention.changed", by=by, about="retention", details=details, owner=by.who)
            )


def of_settings(settings: Settings) -> Mapping[KeptThing, int]:
    """Give the days that count without any that were set."""
    return {
        **BY_ITSELF,
        "pages": settings.pages_kept,
        "uploads": settings.uploads_kept,
        "documents": settings.documents_kept,
    }


def always(name: KeptThing) -> KeptFor:
    """Give what a clean-up asks that nobody can change."""

    async def kept() -> timedelta:
        return timedelta(days=BY_ITSELF[name])

    return kept


def _within(days: Mapping[str, object]) -> dict[KeptThing, int]:
    """Read what was kept. A later version may know more of it, or other bounds."""
    return {
        name: many
        for name in KEPT
        if isinstance(many := days.get(name), int) and BOUNDS[name][0] <= many <= BOUNDS[name][1]
    }
