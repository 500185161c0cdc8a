"""The audit trail, on both databases: written with its change or not at all, and broken by nobody unseen."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from support_audit import BY, TRAIL, VAULT

from gateway import audit_reading
from gateway.audit import COVERED, AuditError, Trail, digest, seal_text
from gateway.audit_reading import Wanted, read, verify
from gateway.keyring import parse_keyring
from gateway.records.database import Database, DatabaseDown
from gateway.records.engines import migration_engine
from gateway.records.lines import By, Line
from gateway.records.tables import Account, AuditHead, AuditKey, AuditLine
from gateway.records.urls import parse_url
from gateway.vault import Vault

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY_1, KEY_2 = "1:" + "A" * 43 + "=", "2:" + "B" * 42 + "A="
EVERYTHING = Wanted(latest=100)

Rows = list[dict[str, Any]]


def line(number: int = 1, **changes: Any) -> Line:
    given = {
        "what": "customer.linked",
        "by": BY,
        "about": "account/acme",
        "account": "acme",
        "details": {"number": number, "a": "ä"},
        "personal": {"customer": "maya@example.com"},
        "owner": "account/acme",
    }
    return Line(**{**given, **changes})


async def write(db: Database, *lines: Line, trail: Trail = TRAIL) -> None:
    async with db.write() as session:
        await trail.record(session, *lines)


async def write_each(db: Database, count: int) -> None:
    for number in range(1, count + 1):
        await write(db, line(number))


async def rows_of(db: Database) -> Rows:
    async with db.read() as session:
        return [dict(row) for row in (await session.execute(sa.select(AuditLine.__table__))).mappings()]


def tampered(url: str, *statements: str) -> None:
    """Change the database as somebody would who owns it: with its triggers out of the way."""
    aside = (
        ["SET LOCAL session_replication_role = replica"]
        if url.startswith("postgresql")
        else [f"DROP TRIGGER {name}" for name in ("audit_lines_stay", "audit_lines_last", "audit_head_lasts")]
    )
    run(url, *aside, *statements)


def run(url: str, *statements: str) -> None:
    engine = migration_engine(parse_url(url), "BEGIN IMMEDIATE")
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


async def problems(db: Database, expect: str | None = None) -> tuple[str, ...]:
    return (await verify(db, VAULT, expect)).problems


# Writing


async def test_is_whole_when_nothing_was_done(database: Database) -> None:
    found = await verify(database, VAULT)
    assert (found.count, found.last, found.problems) == (0, "0" * 64, ())


async def test_tells_who_did_what_when_and_from_where(database: Database) -> None:
    trail = Trail(VAULT, lambda: NOON)
    by = By("member/maya", "portal", "192.0.2.7")
    await write(database, line(by=by, what="session.began", about="member/maya", owner="member/maya"), trail=trail)
    (told,) = await read(database, VAULT, EVERYTHING)
    assert (told.number, told.at, told.what) == (1, "2026-11-22T12:00:00.000000+00:00", "session.began")
    assert (told.who, told.via, told.about, told.account) == ("member/maya", "portal", "member/maya", "acme")
    assert told.details == {"number": 1, "a": "ä"}
    assert told.personal == {"address": "192.0.2.7", "customer": "maya@example.com"}


async def test_goes_with_the_change_or_not_at_all(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(Account(id="acme", name="Acme", created_at=NOON))
            await TRAIL.record(session, line())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await rows_of(database) == []
    assert await problems(database) == ()


async def test_hashes_what_is_stored_as_it_is_documented(database: Database) -> None:
    """Without a line of ours: an auditor with another language comes to the same hash."""
    await write_each(database, 2)
    previous = "0" * 64
    for row in await rows_of(database):
        columns = [row[name] for name in ("number", "at", "what", "who", "via", "about", "account", "details")]
        covered = ["hallway audit 1", previous, *columns, row["key"], row["sealed"]]
        text = json.dumps(covered, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert row["hash"] == previous


async def test_covers_every_column() -> None:
    assert {*COVERED, "hash"} == set(AuditLine.__table__.columns.keys())


async def test_stores_nothing_personal_in_the_clear(database: Database) -> None:
    await write(database, line(by=By("member/maya", "portal", "192.0.2.7")))
    async with database.read() as session:
        tables = (AuditLine, AuditKey, AuditHead)
        stored = [(await session.execute(sa.select(table.__table__))).all() for table in tables]
    assert "maya@example.com" not in repr(stored)
    assert "192.0.2.7" not in repr(stored)


async def test_refuses_personal_values_of_nobody(database: Database) -> None:
    for wrong in (line(owner=None), line(owner=None, personal={}, by=By("member/maya", "portal", "192.0.2.7"))):
        with pytest.raises(ValueError, match="of nobody"):
            await write(database, wrong)


async def test_stays_a_chain_with_many_writers(database: Database, database_url: str) -> None:
    other = Database(database_url)

    async def several(db: Database, number: int) -> None:
        async with db.write() as session:
            session.add(Account(id=f"a{number}", name="A", created_at=NOON))
            await session.flush()
            await asyncio.sleep(0)
            owner = f"account/{number % 3}"
            await TRAIL.record(session, line(number, owner=owner), line(number, owner="account/1"))

    await asyncio.gather(*(several(db, n * 2 + m) for n in range(15) for m, db in enumerate((database, other))))
    await other.close()
    found = await verify(database, VAULT)
    assert (found.count, found.problems) == (60, ())
    assert all(told.personal for told in await read(database, VAULT, EVERYTHING))


async def test_changes_nothing_when_it_has_lost_its_head(database: Database, database_url: str) -> None:
    tampered(database_url, "DELETE FROM audit_head")
    try:
        with pytest.raises(AuditError, match="hallway audit verify"):
            await write(database, line())
        assert [problem for problem in await problems(database) if "the head is missing" in problem]
    finally:
        run(database_url, f"INSERT INTO audit_head (id, count, hash) VALUES (1, 0, '{'0' * 64}')")


# Only growing


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_lines SET what = 'x' WHERE number = 2",
        "UPDATE audit_lines SET number = 9 WHERE number = 2",
        "DELETE FROM audit_lines WHERE number = 2",
        "DELETE FROM audit_lines",
        "DELETE FROM audit_head",
        "INSERT INTO audit_lines SELECT * FROM audit_lines WHERE number = 2",
        "INSERT OR REPLACE INTO audit_lines SELECT * FROM audit_lines WHERE number = 2",
        "TRUNCATE audit_lines",
        "TRUNCATE audit_head",
    ],
)
async def test_is_kept_by_the_database_itself(database: Database, statement: str) -> None:
    await write_each(database, 3)
    before = await rows_of(database)
    with pytest.raises((DBAPIError, DatabaseDown)):
        async with database.write() as session:
            await session.execute(sa.text(statement))
    assert await rows_of(database) == before
    await write(database, line(4))
    assert await problems(database) == ()


# What verifying notices


@pytest.mark.parametrize("column", [*COVERED[1:], "hash"])
async def test_notices_one_changed_letter_of_any_column(database: Database, database_url: str, column: str) -> None:
    await write_each(database, 4)
    tampered(database_url, f"UPDATE audit_lines SET {column} = 'x' || substr({column}, 2) WHERE number = 2")
    assert (await problems(database))[0] == f"line 2 {audit_reading.CHANGED}"


async def test_notices_every_changed_letter_of_a_hash(database: Database, database_url: str) -> None:
    await write_each(database, 2)
    tampered(database_url, "UPDATE audit_lines SET hash = upper(hash)", "UPDATE audit_head SET hash = upper(hash)")
    assert len(await problems(database)) == 3


@pytest.mark.parametrize("column", ["account", "key", "sealed"])
async def test_notices_a_column_that_was_emptied(database: Database, database_url: str, column: str) -> None:
    await write_each(database, 2)
    tampered(database_url, f"UPDATE audit_lines SET {column} = NULL WHERE number = 1")
    assert await problems(database) == (f"line 1 {audit_reading.CHANGED}",)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["DELETE FROM audit_lines WHERE number = 2"], "line 2 is missing"),
        (["DELETE FROM audit_lines WHERE number IN (1, 2)"], "lines 1 to 2 are missing"),
        (["DELETE FROM audit_lines WHERE number > 2"], "lines 3 to 4 are missing at the end: they were cut off"),
        (["DELETE FROM audit_lines"], "lines 1 to 4 are missing at the end: they were cut off"),
        (["UPDATE audit_lines SET number = 0 WHERE number = 2"], "line 0 has a number that no line can have"),
        (["UPDATE audit_lines SET number = -1 WHERE number = 1"], "line -1 has a number that no line can have"),
        (["UPDATE audit_head SET count = 3"], "the lines after 3 were not written by Hallway"),
        (["UPDATE audit_head SET seal = NULL"], "the head was not written by Hallway"),
        (["UPDATE audit_head SET seal = 'x'"], "the head cannot be trusted"),
        (
            [f"UPDATE audit_head SET hash = '{'1' * 64}'"],
            "the head knows another last line",
        ),
        (
            [  # swapped
                "UPDATE audit_lines SET number = 99 WHERE number = 2",
                "UPDATE audit_lines SET number = 2 WHERE number = 3",
                "UPDATE audit_lines SET number = 3 WHERE number = 99",
            ],
            "line 2 was changed",
        ),
        (
            [  # taken out, and the gap closed
                "DELETE FROM audit_lines WHERE number = 2",
                "UPDATE audit_lines SET number = 2 WHERE number = 3",
                "UPDATE audit_lines SET number = 3 WHERE number = 4",
                "UPDATE audit_head SET count = 3",
            ],
            "line 2 was changed",
        ),
    ],
)
async def test_notices_lines_that_are_not_where_they_were(
    database: Database, database_url: str, statements: list[str], expected: str
) -> None:
    await write_each(database, 4)
    tampered(database_url, *statements)
    assert any(problem.startswith(expected) for problem in await problems(database)), await problems(database)


def inserted(rows: Rows) -> Rows:
    """Put a line in after the second, as if it had always been there."""
    return [*rows[:2], {**rows[1], "what": "owner.added"}, *rows[2:]]


def rewritten(rows: Rows) -> Rows:
    return [{**row, "who": "operator/somebody"} for row in rows]


def cut(rows: Rows) -> Rows:
    return rows[:2]


def forged(rows: Rows) -> list[AuditLine]:
    """Number and hash lines anew, by the book."""
    made: list[AuditLine] = []
    for number, row in enumerate(rows, 1):
        line = AuditLine(**{**row, "number": number})
        line.hash = digest(made[-1].hash if made else "0" * 64, line)
        made.append(line)
    return made


@pytest.mark.parametrize("forge", [inserted, rewritten, cut])
async def test_notices_a_chain_that_was_computed_anew(
    database: Database, database_url: str, forge: Callable[[Rows], Rows]
) -> None:
    """By somebody who has read how it is done, and lacks the key ring."""
    await write_each(database, 4)
    lines = forged(forge(await rows_of(database)))
    tampered(
        database_url,
        "DELETE FROM audit_lines",
        f"UPDATE audit_head SET count = {len(lines)}, hash = '{lines[-1].hash}'",
    )
    async with database.write() as session:
        session.add_all(lines)
    assert await problems(database) == ("the head was not written by Hallway: its seal is of another trail",)


async def test_notices_a_trail_that_was_set_back_only_by_a_hash_that_was_noted(
    database: Database, database_url: str
) -> None:
    """Whoever kept an old head with its seal can cut the end off: nothing in the database speaks against that."""
    await write_each(database, 2)
    async with database.read() as session:
        head = (await session.scalars(sa.select(AuditHead))).one()
    await write_each(database, 2)
    noted = (await verify(database, VAULT)).last
    assert await problems(database, noted) == await problems(database, head.hash) == ()
    tampered(
        database_url,
        "DELETE FROM audit_lines WHERE number > 2",
        f"UPDATE audit_head SET count = 2, hash = '{head.hash}', seal = '{head.seal}'",
    )
    assert await problems(database) == ()
    (problem,) = await problems(database, noted)
    assert problem.startswith("the hash that was noted is not in the trail")


async def test_goes_on_after_a_break_and_tells_each_once(database: Database, database_url: str) -> None:
    await write_each(database, 6)
    tampered(
        database_url,
        "UPDATE audit_lines SET what = 'x' WHERE number = 2",
        "DELETE FROM audit_lines WHERE number = 4",
    )
    await write(database, line(7))
    assert await problems(database) == (f"line 2 {audit_reading.CHANGED}", "line 4 is missing")


async def test_walks_in_batches(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_reading, "BATCH", 2)
    await write_each(database, 5)
    assert (await verify(database, VAULT)).count == 5
    tampered(database_url, "UPDATE audit_lines SET what = 'x' WHERE number = 5")
    assert await problems(database) == (f"line 5 {audit_reading.CHANGED}",)


# Erasure, and keys


async def test_destroys_what_is_personal_and_stays_whole(database: Database) -> None:
    await write(database, line(1), line(2, owner="account/globex"))
    async with database.write() as session:
        assert await TRAIL.forget(session, "account/acme")
        assert not await TRAIL.forget(session, "account/acme")
    gone, stays = await read(database, VAULT, EVERYTHING)
    assert (gone.personal, gone.withheld) == (None, "erased")
    assert (stays.personal, stays.withheld) == ({"customer": "maya@example.com"}, None)
    await write(database, line(3))
    *_, new = await read(database, VAULT, EVERYTHING)
    assert new.personal
    assert await problems(database) == ()


async def test_opens_a_value_only_in_its_own_line(database: Database, database_url: str) -> None:
    await write_each(database, 2)
    first, _ = await rows_of(database)
    tampered(database_url, f"UPDATE audit_lines SET sealed = '{first['sealed']}'")
    _, second = await read(database, VAULT, EVERYTHING)
    assert (second.personal, second.withheld) == (None, "unreadable")


async def test_survives_a_renewal_of_the_key_ring(database: Database) -> None:
    both, new = (Vault(parse_keyring(ring)) for ring in (f"{KEY_1},{KEY_2}", KEY_2))
    await write(database, line())
    assert (await verify(database, new)).problems
    async with database.write() as session:
        assert await Trail(both, lambda: NOON).reseal(session) == 2
        assert await Trail(both, lambda: NOON).reseal(session) == 0
    assert (await verify(database, new)).problems == ()
    assert (await read(database, new, EVERYTHING))[0].personal


async def test_goes_on_with_a_key_ring_that_was_lost(database: Database) -> None:
    """Somebody who signs in must not be kept out by it."""
    other = Vault(parse_keyring(KEY_2))
    await write(database, line(1))
    await write(database, line(2), trail=Trail(other, lambda: NOON))
    lost, kept = await read(database, other, EVERYTHING)
    assert (lost.withheld, kept.withheld) == ("unreadable", None)
    assert (await verify(database, other)).problems == ()
    assert [told.withheld for told in await read(database, VAULT, EVERYTHING)] == [None, "unreadable"]


# Reading


async def test_finds_lines_by_what_who_and_account(database: Database) -> None:
    maya = By("member/maya", "portal")
    await write(
        database,
        line(1, what="session.began", by=maya, about="member/maya"),
        line(2, what="session.ended", by=maya, about="member/maya", account=None),
        line(3, what="member.disabled", about="member/maya", account=None),
        line(4, what="source.added", about="source/erp", account=None),
    )

    async def numbers(latest: int = 100, **wanted: str) -> list[int]:
        return [told.number for told in await read(database, VAULT, Wanted(latest=latest, **wanted))]

    assert await numbers() == [1, 2, 3, 4]
    assert await numbers(2) == [3, 4]
    assert await numbers(what="session") == [1, 2]
    assert await numbers(what="session.ended") == [2]
    assert await numbers(what="sess") == await numbers(what="%") == []
    assert await numbers(who="member/maya") == [1, 2, 3]
    assert await numbers(who="operator/test", what="member") == [3]
    assert await numbers(account="acme") == [1]


async def test_shows_details_that_were_damaged(database: Database, database_url: str) -> None:
    await write(database, line())
    tampered(database_url, "UPDATE audit_lines SET details = '{'")
    assert (await read(database, VAULT, EVERYTHING))[0].details == {"damaged": "{"}


def test_seals_the_count_and_the_last_hash() -> None:
    assert seal_text(AuditHead(id=1, count=7, hash="ab")) == "7:ab"
