"""Long work in pieces: keys rotated though processes are killed, and the audit trail checked bit by bit."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_cli import Hallway
from support_clock import NOON, Clock
from support_portal import KEYS, Portal
from support_sandbox import RunningSandbox
from support_staff import staff_at

from auth.clock import utc_now
from auth.session_rows import name_of
from connectors.config import Secret
from gateway.audit import Trail
from gateway.audit_checking import Checking
from gateway.audit_reading import verify
from gateway.audit_search import LinesWanted, find_lines
from gateway.keyring import parse_keyring
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.tables import AuditLine, Member, Session, Source
from gateway.records.upkeep_tables import Upkeep as Row
from gateway.resealing import Resealing
from gateway.upkeep import Job, Upkeep
from gateway.vault import Vault

OLD = parse_keyring(KEYS)
BOTH = parse_keyring(f"{KEYS},2:{'B' * 43}=")
NEW = parse_keyring(f"2:{'B' * 43}=")
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def session_row(number: int) -> Session:
    id_hash = number.to_bytes(32, "big")
    return Session(
        id_hash=id_hash,
        kind="member",
        member_id="m",
        csrf_token="t",
        id_token=VAULT.seal(Secret(f"token {number}"), name_of(id_hash), "id_token"),
        provider="main",
        created_at=NOON,
        seen_at=NOON,
        expires_at=NOON,
    )


async def fill(database: Database, sessions: int) -> None:
    """A source with two secrets, an audit trail with a person's key, and sessions."""
    async with database.write() as session:
        sealed = {name: VAULT.seal(Secret(name * 3), "sources/shop", name) for name in ("token", "hook")}
        values = {"connector": "odoo", "title": "Shop", "settings": {}, "promises": {}, "changed_at": NOON}
        session.add(Source(name="shop", sealed=sealed, **values))
        session.add(Member(id="m", issuer="https://x", subject="m", created_at=NOON))
        await session.flush()
        session.add_all([session_row(number) for number in range(1, sessions + 1)])
        line = Line(what="member.made", by=BY, about="member/m", personal={"email": "m@x"}, owner="member/m")
        await TRAIL.record(session, line)


def upkeep(database: Database, ring: object = BOTH) -> Upkeep:
    resealing = Resealing(database, ring)  # type: ignore[arg-type]
    return Upkeep(database, utc_now, {"reseal": Job(piece=resealing.piece, began="keys.reseal_began")})


async def all_open(database: Database, vault: Vault) -> int:
    """Open everything that is sealed, and say how many sessions that were."""
    async with database.read() as session:
        source = await session.get(Source, "shop")
        assert source
        for field, token in source.sealed.items():
            assert vault.open(token, "sources/shop", field).reveal() == field * 3
        rows = list(await session.scalars(sa.select(Session)))
    for row in rows:
        number = int.from_bytes(row.id_hash, "big")
        assert vault.open(row.id_token or "", name_of(row.id_hash), "id_token").reveal() == f"token {number}"
    assert (await verify(database, vault)).problems == ()
    return len(rows)


async def test_seals_everything_anew_so_that_the_old_key_can_go(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.resealing.BATCH", 3)
    await fill(database, 10)
    resealing = Resealing(database, BOTH)
    assert [(use.version, use.total) for use in await resealing.uses()] == [(2, 0), (1, 14)]
    work = upkeep(database)
    assert await work.begin("reseal", trail=Trail(Vault(BOTH), utc_now), by=BY)
    ended = await work.work("reseal")
    assert ended
    assert (ended.done, ended.total, ended.problem) == (14, 14, None)
    assert [(use.version, use.total) for use in await resealing.uses()] == [(2, 14), (1, 0)]
    assert await all_open(database, Vault(NEW)) == 10


async def test_goes_on_where_another_process_died(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.resealing.BATCH", 2)
    await fill(database, 9)
    first = upkeep(database)
    await first.begin("reseal", trail=TRAIL, by=BY)
    for _ in range(4):
        await first._piece("reseal")
    before = await first.progress("reseal")
    assert before
    assert before.ended_at is None
    assert not await upkeep(database).begin("reseal", trail=TRAIL, by=BY), "it is under way"
    assert await all_open(database, Vault(BOTH)) == 9, "in the middle both keys open all"
    after = await upkeep(database).work("reseal")
    assert after
    assert after.done > before.done
    assert await all_open(database, Vault(NEW)) == 9


async def test_says_what_no_key_opens_and_does_the_rest(database: Database) -> None:
    await fill(database, 3)
    lost = Vault(parse_keyring(f"7:{'C' * 43}="))
    async with database.write() as session:
        sealed = lost.seal(Secret("x"), name_of((2).to_bytes(32, "big")), "id_token")
        await session.execute(
            sa.update(Session).where(Session.id_hash == (2).to_bytes(32, "big")).values(id_token=sealed)
        )
    work = upkeep(database)
    await work.begin("reseal", trail=TRAIL, by=BY)
    ended = await work.work("reseal")
    assert ended
    assert "key 7" in (ended.problem or "")
    uses = {use.version: use for use in await Resealing(database, BOTH).uses()}
    assert (uses[7].is_known, uses[7].total, uses[1].total) == (False, 1, 0)


def test_survives_a_kill_in_the_middle(hallway: Hallway, sandbox: RunningSandbox, tmp_path: Path) -> None:
    """A real process of the command, killed with -9 while it works; the next one ends it."""
    import asyncio  # noqa: PLC0415

    hallway.environ["HALLWAY_KEYS"] = KEYS
    hallway("migrate")
    url = f"sqlite:///{hallway.folder}/data/hallway.db"

    async def prepare() -> None:
        database = Database(url)
        await fill(database, 3000)
        await database.close()

    asyncio.run(prepare())
    environ = {**os.environ, **hallway.environ, "HALLWAY_KEYS": f"{KEYS},2:{'B' * 43}="}

    async def done() -> tuple[int, bool]:
        database = Database(url)
        async with database.read() as session:
            row = await session.get(Row, "reseal")
        await database.close()
        return (row.done, row.ended_at is not None) if row else (0, False)

    with subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "keys", "rotate"], env=environ, cwd=hallway.folder
    ) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and asyncio.run(done())[0] < 400:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    many, has_ended = asyncio.run(done())
    assert (400 <= many < 3000, has_ended) == (True, False), "it died in the middle"

    async def opens(ring: str) -> int:
        database = Database(url)
        found = await all_open(database, Vault(parse_keyring(ring)))
        await database.close()
        return found

    assert asyncio.run(opens(f"{KEYS},2:{'B' * 43}=")) == 3000
    hallway.environ["HALLWAY_KEYS"] = f"{KEYS},2:{'B' * 43}="
    assert hallway("keys", "rotate") == 0, hallway.err
    assert "going on" in hallway.out
    assert asyncio.run(opens(f"2:{'B' * 43}=")) == 3000
    assert hallway("keys", "list") == 0
    assert "can be taken away" in hallway.out


# The trail, checked in pieces


async def lines(database: Database, many: int) -> None:
    async with database.write() as session:
        await TRAIL.record(session, *(Line(what="owner.added", by=BY, about=f"line/{n}") for n in range(many)))


def checking(database: Database, clock: Clock) -> Upkeep:
    return Upkeep(database, clock, {"audit": Job(piece=Checking(VAULT).piece, every=timedelta(days=1))})


async def test_checks_the_trail_piece_by_piece_and_each_day(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit_checking.BATCH", 4)
    await lines(database, 10)
    clock = Clock()
    work = checking(database, clock)
    assert await work.begin("audit", trail=TRAIL, by=BY)
    await work._piece("audit")
    half = await work.progress("audit")
    assert half
    assert (half.done, half.total, half.ended_at) == (4, 10, None)
    await lines(database, 1)
    whole = await work.work("audit")
    assert whole
    assert (whole.done, whole.problem) == (11, None)
    await lines(database, 2)
    await work._turn()
    assert (await work.progress("audit")) == whole, "not before a day is over"
    clock.now += timedelta(days=1, seconds=1)
    await work._turn()
    again = await work.progress("audit")
    assert again
    assert (again.done, again.wanted_by) == (13, "service/hallway")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("forgery", "says"),
    [
        ("UPDATE audit_lines SET who = 'x' WHERE number = 6", "line 6 was changed"),
        ("DELETE FROM audit_lines WHERE number = 3", "line 3 is missing"),
        ("DELETE FROM audit_lines WHERE number > 8", "lines 9 to 10 are missing at the end"),
        ("UPDATE audit_head SET count = 10, seal = NULL", "seal"),
    ],
)
async def test_stops_where_the_trail_is_wrong(
    database: Database, monkeypatch: pytest.MonkeyPatch, forgery: str, says: str
) -> None:
    monkeypatch.setattr("gateway.audit_checking.BATCH", 4)
    await lines(database, 10)
    async with database.write() as session:
        triggers = await session.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        for name in list(triggers):
            await session.execute(sa.text(f"DROP TRIGGER {name}"))
        await session.execute(sa.text(forgery))
    work = checking(database, Clock())
    await work.begin("audit", trail=TRAIL, by=BY)
    ended = await work.work("audit")
    assert ended
    assert says in (ended.problem or "")


async def test_finds_lines_by_person_what_account_and_time(database: Database) -> None:
    async with database.write() as session:
        session.add(Member(id="m" * 26, issuer="https://x", subject="s", email="ann@x", created_at=NOON))
        ann = Line(what="member.made", by=BY, about=f"member/{'m' * 26}", account=None)
        other = Line(what="session.began", by=By("staff/none", "portal"), about="staff/none", account="acme")
        await TRAIL.record(session, ann, other)
    for wanted, expected in (
        (LinesWanted(), [2, 1]),
        (LinesWanted(who="ann@x"), [1]),
        (LinesWanted(who="staff/none"), [2]),
        (LinesWanted(who="nobody"), []),
        (LinesWanted(what="member"), [1]),
        (LinesWanted(what="session.began"), [2]),
        (LinesWanted(what="sess"), []),
        (LinesWanted(account="acme"), [2]),
        (LinesWanted(since=utc_now() - timedelta(minutes=5)), [2, 1]),
        (LinesWanted(until=utc_now() - timedelta(minutes=5)), []),
    ):
        found = await find_lines(database, wanted, 1)
        assert ([each.number for each in found.found], found.count) == (expected, len(expected)), wanted
        assert all(each.personal is None for each in found.found)


# Pages


@SQLITE
async def test_shows_the_trail_and_notes_who_reads_what_is_personal(portal: Portal) -> None:
    maya = await portal.sign_in("maya", None)
    assert maya
    adam = await staff_at(portal, "admin")
    page = (await adam.get("/staff/audit?what=member")).text
    assert "Member changed" in page
    assert "maya@example.com" not in page
    assert "Member changed" in (await adam.get("/staff/audit?what=Member+changed")).text, "found as the page says it"
    assert "Member changed" in (await adam.get("/staff/audit?what=Member")).text, "as the field says it after a search"
    assert "No line fits" in (await adam.get("/staff/audit?what=Member+gone")).text
    async with portal.database.read() as session:
        number = await session.scalar(sa.select(AuditLine.number).where(AuditLine.what == "member.changed"))
    assert "maya@example.com" in (await adam.get(f"/staff/audit/lines/{number}")).text
    for form in ("csv", "json"):
        exported = await adam.get(f"/staff/audit.{form}?what=member")
        assert "member.changed" in exported.text
        assert "maya@example.com" not in exported.text
    async with portal.database.read() as session:
        told = list(
            await session.scalars(
                sa.select(AuditLine.what).where(AuditLine.what.like("audit.%")).order_by(AuditLine.number)
            )
        )
    assert told == ["audit.looked_up", "audit.exported", "audit.exported"]
    assert (await adam.get("/staff/audit/lines/99999")).status_code == 404
    assert (await adam.send("POST", "/staff/audit/check")).headers["location"] == "/staff/audit"
    page = (await adam.get("/staff/audit")).text
    assert "The check has begun" in page or "The trail is whole up to line" in page, "it goes on behind"
    sam = await staff_at(portal)
    for path in ("/staff/audit", f"/staff/audit/lines/{number}", "/staff/audit.csv", "/staff/settings/retention"):
        assert (await sam.get(path)).status_code == 403


@SQLITE
async def test_shows_keys_to_owners_and_retention(portal: Portal) -> None:
    await portal.sign_in("maya", None)
    owner, adam = await staff_at(portal, "owner"), await staff_at(portal, "admin")
    assert (await adam.get("/staff/settings/keys")).status_code == 403
    assert "Seals" in (await owner.get("/staff/settings/keys")).text
    assert "Seal all anew with key 1?" in (await owner.get("/staff/settings/keys/reseal")).text
    assert (await owner.send("POST", "/staff/settings/keys/reseal")).headers["location"] == "/staff/settings/keys"
    page = (await adam.get("/staff/settings/retention")).text
    assert "HALLWAY_PAGES_KEPT" in page
    assert "30 days" in page
    assert "nothing, within the hour" in page
