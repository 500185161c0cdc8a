"""Deleting what is past, also where nothing else of it is going on any more."""

import sqlalchemy as sa

from auth.clock import Clock
from gateway import asked, conflicts
from gateway.keeping import Keeping
from gateway.records.agreement_tables import ConflictRow
from gateway.records.code_tables import SignInCode
from gateway.records.database import Database
from gateway.sign_in_codes import rows as codes


async def purge_past(db: Database, keeping: Keeping, clock: Clock) -> None:
    """Take files of documents, codes, and differences. Raises `DatabaseDown`."""
    now = clock()
    await asked.purge(db, now - await keeping.kept("documents"))
    async with db.write() as session:
        await session.execute(sa.delete(SignInCode).where(codes.is_past(now)))
        await session.execute(sa.delete(ConflictRow).where(conflicts.is_past(now)))
