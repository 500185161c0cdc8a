"""Bring a database to the tables of this version. Blocking: for commands, and for the start of `serve`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.records.database import translated
from gateway.records.engines import Begin, migration_engine
from gateway.records.urls import parse_url, sqlite_path

LOCK = int.from_bytes(b"hallway")  # PostgreSQL's advisory locks are numbers


class MigrationError(Exception):
    """A database that this version cannot bring up to date. The text says what to do."""


def upgrade(url: str) -> tuple[str, ...]:
    """Run every migration that is missing, in one transaction: all or none. Tells which ones ran.

    Two processes may do it at once: the second waits, and finds nothing left to do.
    """
    parsed = parse_url(url)
    if path := sqlite_path(parsed):
        _make_private(path)
    with _connection(parsed, "BEGIN IMMEDIATE") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        missing = _missing(connection)
        if missing:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _check_foreign_keys(connection)
        return missing


def pending(url: str) -> tuple[str, ...]:
    """Name the migrations that have not run, oldest first. Empty: up to date."""
    parsed = parse_url(url)
    path = sqlite_path(parsed)
    if path and not path.exists():
        return _all(_script())
    with _connection(parsed, "BEGIN") as connection:
        return _missing(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.records:migrations")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _all(script: ScriptDirectory) -> tuple[str, ...]:
    return tuple(revision.revision for revision in script.walk_revisions())[::-1]


def _missing(connection: sa.Connection) -> tuple[str, ...]:
    known = _all(_script())
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return known
    if current not in known:
        raise MigrationError(
            f"the database was migrated by a newer Hallway (to {current!r}): install that version, or restore a backup"
        )
    return known[known.index(current) + 1 :]


@contextmanager
def _connection(url: sa.URL, begin: Begin) -> Iterator[sa.Connection]:
    engine = migration_engine(url, begin)
    try:
        with translated(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _check_foreign_keys(connection: sa.Connection) -> None:
    """SQLite did not look at them while tables were rebuilt."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise MigrationError("a migration would leave rows that point at nothing: nothing was changed")


def _make_private(path: Path) -> None:
    """Make the file before SQLite does, for our eyes only. Its journal files inherit the mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
