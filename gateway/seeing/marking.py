"""Keeping the marks of segments up: some at a time, beside everything else."""

import asyncio
from contextlib import suppress
from typing import Final

from auth.clock import Clock
from gateway.records.database import Database, DatabaseDown
from gateway.seeing.marks import PIECE, count_left, piece
from gateway.seeing.versions import POLICIES

BREATH: Final = 0.05  # seconds between two pieces: others want to write too
AT_ONCE: Final = 0.2  # seconds that whoever looks waits for a turn


class Marking:
    """Any number of processes may do this: one at a time does, and the others leave it to that one."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def turn(self) -> None:
        """Make all marks that are due. Raises `DatabaseDown`."""
        while await self._count(1) and await self._piece():  # noqa: ASYNC110  # each does something
            await asyncio.sleep(BREATH)

    async def catch_up(self) -> None:
        """Make the marks that are due before somebody looks, if they are few."""
        if 0 < await self._count(PIECE) <= PIECE:
            with suppress(DatabaseDown):
                await self._piece(within=AT_ONCE)

    async def _count(self, most: int) -> int:
        async with self._db.read() as session:
            return await count_left(session, await POLICIES.wanted_in(session), self._clock(), most)

    async def _piece(self, within: float | None = None) -> bool:
        async with self._db.write(within=within) as session:
            return await piece(session, self._clock())
