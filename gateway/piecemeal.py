"""What is due is done some at a time, beside everything else, by whichever process finds it."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from gateway.records.database import Database, DatabaseDown

PIECE: Final = 500  # rows in one transaction
BREATH: Final = 0.05  # seconds between two pieces: others want to write too
AT_ONCE: Final = 0.2  # seconds that whoever looks waits for a turn


class Piecemeal(ABC):
    """Any number of processes may do this. Its rows are due until `piece` has done them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    @abstractmethod
    async def left(self, session: AsyncSession, most: int) -> int:
        """Count what is due. More than `most` is only known to be more."""

    @abstractmethod
    async def piece(self, session: AsyncSession) -> bool:
        """Do some of it. False: there is nothing left to do, or somebody else is at it."""

    async def turn(self) -> None:
        """Do all that is due. Raises `DatabaseDown`."""
        while await self._left(1):
            if not await self._piece():
                return
            await asyncio.sleep(BREATH)

    async def catch_up(self) -> None:
        """Do what is due before somebody looks, if it is little."""
        if 0 < await self._left(PIECE) <= PIECE:
            with suppress(DatabaseDown):
                while await self._piece(within=AT_ONCE) and await self._left(PIECE) <= PIECE:
                    pass

    async def _left(self, most: int) -> int:
        async with self._db.read() as session:
            return await self.left(session, most)

    async def _piece(self, within: float | None = None) -> bool:
        async with self._db.write(within=within) as session:
            return await self.piece(session)
