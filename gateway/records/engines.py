"""Engines for both databases: what a connection is told when it opens, and how its transactions begin.

Values never appear in error texts (`hide_parameters`): they are people's names and sealed secrets.
"""

import sqlite3
import time
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.records.urls import sqlite_path, sqlite_url

PATIENCE = 5.0  # seconds for a lock, a statement, or a free connection
MIGRATION_PATIENCE = 60.0  # seconds: another process may be migrating
READERS = 5
SOON = 0.1  # seconds: who has waited no longer for a connection has the whole patience for the lock

patient_until: ContextVar[float] = ContextVar("patient_until")  # monotonic seconds, of whoever wants to write

COMMON: dict[str, Any] = {"hide_parameters": True}

Begin = Literal["BEGIN", "BEGIN IMMEDIATE"]


class SqliteConnection(sqlite3.Connection):
    """One that ends its transaction when it is closed.

    SQLite keeps what is closed, and its lock, until the last cursor of it is gone. Whoever was cancelled leaves one
    behind, and the collector may come minutes later.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()


SQLITE_ARGUMENTS: dict[str, Any] = {
    "isolation_level": None,  # the driver begins nothing by itself: we do
    "factory": SqliteConnection,
}


def async_engines(url: sa.URL, patience: float) -> tuple[AsyncEngine, AsyncEngine]:
    """Make the engine that only reads and the one that writes. A read sees one moment of the database on both."""
    if path := sqlite_path(url):
        return _sqlite_reader(path, patience), _sqlite_writer(path, patience)
    writer = create_async_engine(
        url, connect_args=_postgresql_arguments(url, patience), pool_pre_ping=True, pool_timeout=patience, **COMMON
    )
    return writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), writer


def migration_engine(url: sa.URL, begin: Begin) -> sa.Engine:
    """Make a blocking engine for schema changes. `begin` matters to SQLite only.

    SQLite's foreign keys are off: a changed table is rebuilt, and dropping the old one would empty its children.
    """
    if path := sqlite_path(url):
        engine = sa.create_engine(sqlite_url("sqlite", path), connect_args=SQLITE_ARGUMENTS, **COMMON)
        _tell_sqlite(engine, begin, MIGRATION_PATIENCE, foreign_keys="OFF")
        return engine
    return sa.create_engine(url, connect_args=_postgresql_arguments(url, MIGRATION_PATIENCE), **COMMON)


def _sqlite_reader(path: Path, patience: float) -> AsyncEngine:
    engine = _sqlite_engine(path, patience, connections=READERS)
    _tell_sqlite(engine.sync_engine, "BEGIN", patience, query_only="ON")
    return engine


def _sqlite_writer(path: Path, patience: float) -> AsyncEngine:
    """SQLite has one writer. One connection makes this process's writers queue in turn instead of racing for the lock.

    IMMEDIATE takes the lock before the first read: a transaction that reads and then writes cannot fail in between.
    """
    engine = _sqlite_engine(path, patience, connections=1)
    _tell_sqlite(engine.sync_engine, "BEGIN IMMEDIATE", patience)
    return engine


def _sqlite_engine(path: Path, patience: float, *, connections: int) -> AsyncEngine:
    return create_async_engine(
        sqlite_url("sqlite+aiosqlite", path),
        connect_args=SQLITE_ARGUMENTS,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        **COMMON,
    )


def _tell_sqlite(engine: sa.Engine, begin: Begin, patience: float, **pragmas: str) -> None:
    told = {
        "busy_timeout": int(patience * 1000),  # first: the others may meet a lock
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "ON",
        **pragmas,
    }

    def connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for name, value in told.items():
            cursor.execute(f"PRAGMA {name} = {value}")
        cursor.close()

    def start(connection: sa.Connection) -> None:
        """Wait for the lock no longer than is left after the wait for this connection."""
        left = patient_until.get(float("inf")) - time.monotonic()
        if left > patience - SOON:
            connection.exec_driver_sql(begin)
            return
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {max(int(left * 1000), 0)}")
        try:
            connection.exec_driver_sql(begin)
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {told['busy_timeout']}")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", start)


def _postgresql_arguments(url: sa.URL, patience: float) -> dict[str, Any]:
    """Whatever the address itself says wins."""
    limits = {
        "jit": "off",  # compiling takes longer than any question of ours
        "statement_timeout": int(patience * 1000),
        "idle_in_transaction_session_timeout": int(MIGRATION_PATIENCE * 1000),
    }
    ours = {
        "application_name": "hallway",
        "connect_timeout": int(PATIENCE),
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }
    return {name: value for name, value in ours.items() if name not in url.query}
