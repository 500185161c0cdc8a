"""Checking the audit trail a piece at a time, so that staff can see up to where it holds without waiting for it."""

from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import digest
from gateway.audit_reading import CHANGED, FIRST, ending, missing
from gateway.records.database import Database
from gateway.records.tables import AuditHead, AuditLine
from gateway.records.upkeep_tables import Upkeep
from gateway.vault import Vault

BATCH = 1000  # lines in one transaction


async def wrong_in(db: Database) -> str | None:
    """Say what the latest check found wrong, None: nothing. Raises `DatabaseDown`."""
    async with db.read() as session:
        return await session.scalar(sa.select(Upkeep.problem).where(Upkeep.name == "audit"))


class Mark(Struct, frozen=True):
    """The last line that holds, and its hash."""

    number: int = 0
    hash: str = FIRST


class Checking:
    """Walks the chain as `hallway audit verify` does. It stops at the first line that is wrong."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def piece(self, session: AsyncSession, row: Upkeep, now: datetime) -> None:
        mark = msgspec.json.decode(row.mark, type=Mark) if row.mark else Mark()
        head = await session.scalar(sa.select(AuditHead))
        row.total = head.count if head else 0
        lines = sa.select(AuditLine).where(AuditLine.number > mark.number).order_by(AuditLine.number).limit(BATCH)
        if not row.mark:  # none has a number below the first, unless somebody put it in
            lines = sa.select(AuditLine).order_by(AuditLine.number).limit(BATCH)
        found = (await session.scalars(lines)).all()
        for line in found:
            if line.number != mark.number + 1:
                row.problem, row.ended_at = missing(mark.number + 1, line.number - 1), now
                break
            if digest(mark.hash, line) != line.hash:
                row.problem, row.ended_at = f"line {line.number} {CHANGED}", now
                break
            mark = Mark(line.number, line.hash)
        if row.ended_at is None and len(found) < BATCH:
            row.problem, row.ended_at = next(ending(head, mark.number, mark.hash, self._vault), None), now
        row.done, row.mark = mark.number, msgspec.json.encode(mark).decode()
