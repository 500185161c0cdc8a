"""What sources do not agree on, as staff find it."""

from collections.abc import Mapping

import sqlalchemy as sa

from gateway.conflicts import Conflict, State, read_conflicts
from gateway.finding import PAGE, Found, page_of
from gateway.records.agreement_tables import ConflictRow
from gateway.records.database import Database
from gateway.records.tables import Account


async def find(
    db: Database, state: State, account: str, page: int, *, size: int = PAGE
) -> tuple[Found[Conflict], Mapping[str, str]]:
    """Find conflicts, and what their accounts are called. `account` "": of all. Raises `DatabaseDown`."""
    where = [ConflictRow.state == state, *([ConflictRow.account_id == account] if account else [])]
    async with db.read() as session:
        ids, count = await page_of(session, ConflictRow.id, where, page, size)
        found = await read_conflicts(session, ConflictRow.id.in_(ids))
        called = sa.select(Account.id, Account.name).where(Account.id.in_({each.account for each in found}))
        names = {row.id: row.name for row in await session.execute(called)}
    place = {id_: at for at, id_ in enumerate(ids)}
    return Found(tuple(sorted(found, key=lambda each: place[each.id])), count), names
