"""Deleting what is past, also where nothing else of it is going on any more."""

from auth.clock import Clock
from gateway import asked, conflicts
from gateway.keeping import Keeping
from gateway.records.database import Database
from gateway.sign_in_codes import rows as codes


async def purge_past(db: Database, keeping: Keeping, clock: Clock) -> None:
    """Take files of documents, codes, and differences. Raises `DatabaseDown`."""
    now = clock()
    await asked.purge(db, now - await keeping.kept("documents"))
    await codes.purge(db, now)
    await conflicts.purge(db, now)
