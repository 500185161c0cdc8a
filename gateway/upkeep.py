"""Long work that is done in pieces, each a short transaction: who dies in the middle is succeeded where they were.

How far it is stands in the row that each piece locks first, and is written with what the piece has done. So any number
of processes may be at it, and none has to end it: what has begun is gone on with by whoever runs next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.upkeep_tables import Upkeep as Row
from gateway.records.upsert import insert
from gateway.rounds import Rounds

LOOK_EVERY, FIRST_AFTER = 5.0, 5.0  # seconds
BREATH = 0.05  # seconds between two pieces: others want to write too

# Does a piece, and moves the row on: `done`, `mark`, `total`, and `ended_at` or `problem` at the end.
Piece = Callable[[AsyncSession, Row, datetime], Awaitable[None]]


class Job(Struct, frozen=True, kw_only=True):
    """`began` is told to the trail, None: nobody's change. `every`: how long after its end it begins by itself."""

    piece: Piece
    began: What | None = None
    every: timedelta | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """How far the work is, or was when it ended."""

    wanted_by: str
    began_at: datetime
    looked_at: datetime
    ended_at: datetime | None
    done: int
    total: int
    problem: str | None


class Upkeep:
    """Goes on with what has begun, from `start` to `aclose`."""

    def __init__(self, db: Database, clock: Clock, jobs: Mapping[str, Job]) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._rounds = Rounds("upkeep", self._turn, every=LOOK_EVERY, delay=FIRST_AFTER)

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.stop()

    async def progress(self, name: str) -> Progress | None:
        """None: it has never begun. Raises `DatabaseDown`."""
        async with self._db.read() as session:
            row = await session.get(Row, name)
        return _progress(row) if row else None

    async def begin(self, name: str, *, trail: Trail, by: By) -> bool:
        """Have it begun from the start. False: it is under way. Raises `DatabaseDown`."""
        began = self._jobs[name].began
        async with self._db.write() as session:
            if not await self._begin(session, name, by.who):
                return False
            if began:
                owner = by.who if by.address else None
                await trail.record(session, Line(what=began, by=by, about=f"upkeep/{name}", owner=owner))
        self._rounds.wake()
        return True

    async def work(self, name: str) -> Progress | None:
        """Go on to the end. Raises `DatabaseDown`."""
        while await self._piece(name):  # noqa: ASYNC110  # each does something
            await asyncio.sleep(BREATH)
        return await self.progress(name)

    async def _turn(self) -> None:
        for name, job in self._jobs.items():
            found = await self.progress(name)
            if job.every and (found is None or (found.ended_at and found.ended_at < self._clock() - job.every)):
                await self._by_itself(name)
                found = await self.progress(name)
            if found and found.ended_at is None:
                await self.work(name)

    async def _by_itself(self, name: str) -> None:
        async with self._db.write() as session:
            await self._begin(session, name, "service/hallway")

    async def _begin(self, session: AsyncSession, name: str, who: str) -> bool:
        now = self._clock()
        new = {"wanted_by": who, "began_at": now, "looked_at": now, "ended_at": None, "done": 0, "total": 0}
        row = insert(session, Row).values(name=name, **new)
        again = row.on_conflict_do_update(
            index_elements=[Row.name], set_={**new, "mark": None, "problem": None}, where=Row.ended_at.is_not(None)
        )
        return await session.scalar(again.returning(Row.name)) is not None

    async def _piece(self, name: str) -> bool:
        """Do one. False: there is no more to do."""
        async with self._db.write() as session:
            row = await session.scalar(sa.select(Row).where(Row.name == name).with_for_update())
            if row is None or row.ended_at is not None:
                return False
            row.looked_at = self._clock()
            await self._jobs[name].piece(session, row, row.looked_at)
            return row.ended_at is None


def _progress(row: Row) -> Progress:
    return Progress(
        wanted_by=row.wanted_by,
        began_at=row.began_at,
        looked_at=row.looked_at,
        ended_at=row.ended_at,
        done=row.done,
        total=row.total,
        problem=row.problem,
    )
