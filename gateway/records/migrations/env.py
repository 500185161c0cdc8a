"""Alembic runs this for every command. `gateway.records.migrate` gives the connection, already in a transaction."""

from alembic import context

import gateway.records.tables  # noqa: F401  # so that the tables are known
from gateway.records.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column: the table is rebuilt
)
context.run_migrations()
