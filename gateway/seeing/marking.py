"""Keeping the marks of segments up: some at a time, beside everything else."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.piecemeal import Piecemeal
from gateway.seeing.marks import count_left, piece
from gateway.seeing.versions import POLICIES


class Marking(Piecemeal):
    """Makes the marks that are due: one process at a time does, and the others leave it to that one."""

    async def left(self, session: AsyncSession, most: int) -> int:
        return await count_left(session, await POLICIES.wanted_in(session), self._clock(), most)

    async def piece(self, session: AsyncSession) -> bool:
        return await piece(session, self._clock())
