"""INSERT ... ON CONFLICT, which both databases have and SQLAlchemy spells per database."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.base import Base


def insert(session: AsyncSession, table: type[Base] | sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update`.

    Rows go in faster by the table itself than by its class.
    """
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
