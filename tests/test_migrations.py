"""How a database gets its tables, on SQLite and on PostgreSQL."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from support_db import Cluster

from gateway.records import migrate
from gateway.records.base import Base
from gateway.records.database import DatabaseDown
from gateway.records.engines import migration_engine
from gateway.records.identity_tables import Address
from gateway.records.urls import parse_url, sqlite_path

ALL = (
    *("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012"),
    *("0014", "0017", "0015", "0018", "0020", "0019", "0023", "0021", "0022", "0025", "0026", "0033", "0027", "0035"),
    *("0031", "0028", "0029", "0036", "0032", "0030", "0039", "0038", "0037", "0040", "0041"),
)


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """What finds articles by their words is no table of a class, and SQLite keeps it in several."""
    return kind != "table" or not (name or "").startswith("article_index")


def run(url: str, statement: str) -> None:
    if path := sqlite_path(parse_url(url)):
        path.touch()
    engine = migration_engine(parse_url(url), "BEGIN IMMEDIATE")
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def migrate_to(url: str, revision: str) -> None:
    """Bring an empty database to an older version of ours."""
    run(url, "SELECT 1")
    engine = migration_engine(parse_url(url), "BEGIN IMMEDIATE")
    with engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def tables(url: str) -> set[str]:
    engine = migration_engine(parse_url(url), "BEGIN")
    found = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_leads_to_exactly_the_tables(new_database_url: str) -> None:
    assert migrate.pending(new_database_url) == ALL
    assert migrate.upgrade(new_database_url) == ALL
    assert migrate.pending(new_database_url) == ()
    engine = migration_engine(parse_url(new_database_url), "BEGIN")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True, "include_name": is_ours})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_takes_sessions_that_are_there_for_members_of_the_first_provider(new_database_url: str) -> None:
    """They stay signed in, and keep what hangs on them."""
    migrate_to(new_database_url, "0002")
    noon = "'2026-11-22 12:00:00'"
    run(
        new_database_url,
        f"INSERT INTO members (id, issuer, subject, created_at) VALUES ('ann', 'https://op.example', 'ann', {noon})",
    )
    run(
        new_database_url,
        "INSERT INTO sessions (id_hash, member_id, csrf_token, provider_sid, created_at, seen_at, expires_at) "
        f"VALUES ('\\x01', 'ann', 'token', 'laptop', {noon}, {noon}, {noon})",
    )
    assert migrate.upgrade(new_database_url) == ALL[2:]
    engine = migration_engine(parse_url(new_database_url), "BEGIN")
    with engine.connect() as connection:
        columns = "kind, member_id, staff_id, provider, provider_sid, csrf_token"
        kept = connection.execute(sa.text(f"SELECT {columns} FROM sessions")).one()
    engine.dispose()
    assert tuple(kept) == ("member", "ann", None, "main", "laptop", "token")


def test_does_nothing_the_second_time(database_url: str) -> None:
    assert migrate.upgrade(database_url) == ()


def test_leaves_nothing_behind_when_it_fails(new_database_url: str) -> None:
    run(new_database_url, "CREATE TABLE links (mine INTEGER)")
    with pytest.raises((DatabaseDown, DBAPIError)):
        migrate.upgrade(new_database_url)
    assert tables(new_database_url) == {"links"}


def test_refuses_a_database_of_a_newer_version(database_url: str, request: pytest.FixtureRequest) -> None:
    run(database_url, "UPDATE alembic_version SET version_num = '9999'")
    undo = f"UPDATE alembic_version SET version_num = '{ALL[-1]}'"
    request.addfinalizer(lambda: run(database_url, undo))  # it is shared
    for step in (migrate.pending, migrate.upgrade):
        with pytest.raises(migrate.MigrationError, match="newer Hallway"):
            step(database_url)


def test_may_be_started_by_several_processes_at_once(new_database_url: str) -> None:
    program = (
        "import sys; from gateway.records.migrate import upgrade; print('ready', flush=True); "
        "sys.stdin.readline(); print(len(upgrade(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, new_database_url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(process.communicate()[0] for process in started) == ["0\n", "0\n", f"{len(ALL)}\n"]
    assert migrate.pending(new_database_url) == ()


def test_waits_its_turn_on_postgresql(postgresql: Cluster) -> None:
    url = postgresql.new_url()
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(url) as first, ThreadPoolExecutor(1) as pool:
        first.execute("SELECT pg_advisory_xact_lock(%s)", [migrate.LOCK])
        second = pool.submit(migrate.upgrade, url)
        while not second.done() and first.execute(waiting).fetchone() != (1,):
            pass
        assert not second.done()
        first.commit()
        assert second.result() == ALL


def test_makes_a_file_for_our_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "hallway.db"
    migrate.upgrade(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_makes_no_file_by_looking(tmp_path: Path) -> None:
    assert migrate.pending(f"sqlite:///{tmp_path}/none.db") == ALL
    assert list(tmp_path.iterdir()) == []


def test_says_when_there_is_no_server() -> None:
    url = "postgresql://hallway:hunter2canary@127.0.0.1:1/hallway"
    for step in (migrate.pending, migrate.upgrade):
        with pytest.raises(DatabaseDown, match="refused") as caught:
            step(url)
        assert "hunter2canary" not in str(caught.value)


def test_remembers_the_addresses_that_members_came_with(new_database_url: str) -> None:
    """Whoever comes with one of them from now on is somebody else."""
    migrate_to(new_database_url, "0005")
    noon = "'2026-11-22 12:00:00+00:00'"
    for member, email in (("ann", "'Ann@ACME.example'"), ("bob", "NULL")):
        run(
            new_database_url,
            "INSERT INTO members (id, issuer, subject, email, created_at) "
            f"VALUES ('{member}', 'https://op.example', '{member}', {email}, {noon})",
        )
    migrate.upgrade(new_database_url)
    engine = migration_engine(parse_url(new_database_url), "BEGIN")
    with engine.connect() as connection:
        kept = connection.execute(sa.select(Address)).all()
    engine.dispose()
    assert [(row.address, row.member_id, row.first_at.hour) for row in kept] == [("ann@acme.example", "ann", 12)]


def test_adds_up_what_was_searched_for_before(new_database_url: str) -> None:
    migrate_to(new_database_url, "0040")
    for day, words in (("2026-11-21", "refund"), ("2026-11-22", "refund"), ("2026-11-22", "invoice")):
        run(new_database_url, f"INSERT INTO help_searches VALUES ('{words}', '{day}', 3, 2, 1)")  # our own
    migrate.upgrade(new_database_url)
    engine = migration_engine(parse_url(new_database_url), "BEGIN")
    with engine.connect() as connection:
        sums = "words, days, times, empty, unanswered, failed"
        kept = connection.execute(sa.text(f"SELECT {sums} FROM help_words ORDER BY words")).all()
    engine.dispose()
    assert list(map(tuple, kept)) == [("invoice", 1, 3, 2, 1, 3), ("refund", 2, 6, 4, 2, 6)]
