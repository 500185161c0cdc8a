"""Databases for tests: each test that asks for one runs on SQLite and on a real PostgreSQL.

`database` and `database_url` are migrated and empty; `new_database_url` has not been migrated. Who asks for the
`database_url` SORTS_IN_ENGLISH has a PostgreSQL that sorts as a dictionary does. The PostgreSQL is our own: started by
the first test that needs it, on a private socket, gone at the end. `database_with_sources` is `database` with two
sources, `erp` and `helpdesk`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from support_needs import need_program

from gateway.records import migrate
from gateway.records.base import Base
from gateway.records.database import Database
from gateway.records.tables import Source

KINDS = ["sqlite", "postgresql"]
SORTS_IN_ENGLISH = "postgresql in English"
FOLDERS = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)  # Debian keeps them off the PATH
# Stops and cleans up when its input ends, which happens even where the tests are killed.
SERVE = """
quick='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
"$1/initdb" -D data -A trust -U postgres -E UTF8 --locale=C --no-sync >log 2>&1 &&
"$1/pg_ctl" -D data -w -l log -o "-k $2 -h '' $quick" start >log 2>&1 &&
echo ready || tail -n 1 log
read -r _
"$1/pg_ctl" -D data -m immediate stop >log 2>&1
cd / && rm -r "$2"
"""
CHILDREN_FIRST = [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != "audit_head"]
DELETIONS = "; ".join(
    [
        "SET LOCAL session_replication_role = replica",  # the triggers that keep the audit trail stand aside
        *(f"DELETE FROM {name}" for name in (*CHILDREN_FIRST, "article_index")),
        "UPDATE audit_head SET count = 0, hash = repeat('0', 64), seal = NULL",
    ]
)


class Cluster:
    """A PostgreSQL server whose socket lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = count()

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def new_url(self, sorts: LiteralString = "") -> str:
        """Make an empty database."""
        name = f"new{next(self.numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} " + sorts).format(sql.Identifier(name)))
        return self.url(name)


@contextmanager
def running_postgresql(programs: Path) -> Iterator[Cluster]:
    """Serve from the folder that holds its programs."""
    folder = Path(tempfile.mkdtemp(prefix="hallway-pg-"))
    account = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    if account:
        shutil.chown(folder, account, account)
    with subprocess.Popen(
        ["/bin/sh", "-c", SERVE, "sh", programs, folder],
        cwd=folder,
        user=account,
        group=account,
        extra_groups=[] if account else None,
        start_new_session=True,  # Ctrl-C is for us: it must live to clean up
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        started = process.stdout.readline()
        assert started == "ready\n", f"PostgreSQL did not start: {started}"
        yield Cluster(folder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    programs = Path(need_program("initdb", *FOLDERS, package="postgresql")).resolve().parent
    with running_postgresql(programs) as cluster:
        yield cluster


@pytest.fixture(params=KINDS)
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.new_url()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: Cluster) -> str:
    url = postgresql.new_url()
    migrate.upgrade(url)
    return url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        path = tmp_path / "hallway.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    if request.param == SORTS_IN_ENGLISH:
        cluster: Cluster = request.getfixturevalue("postgresql")
        new = cluster.new_url("LOCALE_PROVIDER icu ICU_LOCALE 'en' TEMPLATE template0")
        migrate.upgrade(new)
        return new
    url: str = request.getfixturevalue("migrated_postgresql")
    with psycopg.connect(url) as connection:
        connection.execute(DELETIONS)
    return url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def database_with_sources(database: Database) -> Database:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    async with database.write() as session:
        for name in ("erp", "helpdesk"):
            session.add(
                Source(name=name, title=name, connector="odoo", settings={}, sealed={}, promises={}, changed_at=now)
            )
    return database
