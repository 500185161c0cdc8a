"""Tokens of a consent whose refresh token counts once: renewed by one process, committed before anybody uses them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import VAULT
from support_sandbox import RunningSandbox
from support_sources import LAX
from support_tree import ROOT
from test_zendesk import config

from connectors.config import Secret
from connectors.consents import Pair
from connectors.errors import NotAgreed, Unavailable
from connectors.sandbox.faults import Fault
from connectors.sandbox.zendesk.consent import CLIENT_ID, CLIENT_SECRET, TOKENS
from connectors.tokens import MemoryTokens
from connectors.transport import open_client
from connectors.vendors.zendesk import check, connector
from connectors.vendors.zendesk.api import Zendesk
from connectors.vendors.zendesk.settings import ZendeskConfig
from gateway.keyring import parse_keyring
from gateway.lending import ABANDONED, REFUSED_FOR, TURN, Abandoned, Lending, SharedTokens, name_of, vault_place
from gateway.records.database import Database, DatabaseDown
from gateway.records.source_tables import ConsentToken
from gateway.records.tables import Source
from gateway.records.upkeep_tables import Upkeep
from gateway.vault import Vault

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FIRST = "first0refresh0token"
# What another process of the portal does: it borrows once, and says what it got.
BORROW = """
import asyncio, os, signal, sys
sys.path[:0] = ["tests"]
from support_audit import VAULT
from support_sources import LAX
from test_lending import settings
from connectors.vendors.zendesk import connector
from gateway.lending import Lending, SharedTokens
from gateway.records.database import Database
url, sandbox, how = sys.argv[1:]
async def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if how == "dies": SharedTokens._commit = die
async def main():
    db = Database(url)
    lending = Lending(db, VAULT, LAX)
    sys.stdin.readline()
    print((await lending.store(connector.consent, settings(sandbox)).lend()).reveal())
    await lending.aclose()
    await db.close()
print("ready", flush=True)
asyncio.run(main())
"""


def settings(base_url: str, **changed: str) -> ZendeskConfig:
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": FIRST}
    return replace(config(base_url=base_url, **{**given, **changed}), email="", api_token=None)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Desk:
    """A Zendesk to which somebody has agreed, and those who borrow from its consent."""

    def __init__(self, database: Database, url: str, sandbox: RunningSandbox) -> None:
        self.database = database
        self.url = url
        self.sandbox = sandbox
        self.clock = Clock()
        sandbox.site.zendesk.refreshes[FIRST] = "first0access0token"
        sandbox.site.zendesk.bearers.add("first0access0token")

    def store(self, **changed: str) -> MemoryTokens:
        """Give a store as another process has it."""
        lending = Lending(self.database, VAULT, LAX, clock=self.clock)
        return lending.store(connector.consent, settings(self.sandbox.zendesk_url, **changed))

    async def keep(self, **ends: datetime | None) -> None:
        pair = Pair(access=Secret("first0access0token"), refresh=Secret(FIRST), **ends)
        await Lending(self.database, VAULT, LAX, clock=self.clock).keep(pair)

    def process(self, how: str = "lives") -> subprocess.Popen[str]:
        arguments = (sys.executable, "-c", BORROW, self.url, self.sandbox.zendesk_url, how)
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(arguments, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @property
    def asked(self) -> int:
        return sum(seen.path == TOKENS for seen in self.sandbox.zendesk_seen)

    @property
    def count(self) -> set[str]:
        """Give the access tokens that count over there."""
        return self.sandbox.site.zendesk.bearers

    async def row(self) -> ConsentToken:
        async with self.database.read() as session:
            return await session.get_one(ConsentToken, name_of(Secret(FIRST)))


@pytest_asyncio.fixture
async def desk(database: Database, database_url: str, sandbox: RunningSandbox) -> Desk:
    return Desk(database, database_url, sandbox)


@asynccontextmanager
async def opened(desk: Desk, store: MemoryTokens) -> AsyncIterator[Zendesk]:
    whole = settings(desk.sandbox.zendesk_url)
    async with open_client(connector.base_url(whole), policy=LAX, auth=connector.auth(whole, store)) as http:
        yield Zendesk(source="desk", http=http, config=whole, tokens=store)


def start(processes: list[subprocess.Popen[str]]) -> None:
    """Let all of them go at once."""
    for each in processes:
        assert each.stdout
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    return out.strip()


async def test_asks_once_for_all_processes(desk: Desk) -> None:
    await desk.keep(renew_at=NOW - timedelta(days=9), ends_at=NOW - timedelta(days=9))
    processes = [desk.process() for _ in range(3)]
    start(processes)
    answers = {await asyncio.to_thread(said, each) for each in processes}
    assert answers == desk.count
    assert desk.asked == 1


async def test_sees_it_where_nobody_takes_a_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before would show, if it were so."""

    async def always(_self: SharedTokens, _version: int) -> bool:
        return True

    monkeypatch.setattr(SharedTokens, "_take_turn", always)
    desk.sandbox.zendesk_fault(Fault(kind="slow", seconds=0.2))
    answers = await asyncio.gather(*(desk.store().lend() for _ in range(3)), return_exceptions=True)
    assert desk.asked > 1
    assert {type(each) for each in answers} <= {Secret, NotAgreed}


async def test_says_that_somebody_must_agree_where_an_answer_died_with_its_process(desk: Desk) -> None:
    dying = desk.process("dies")
    start([dying])
    assert await asyncio.to_thread(said, dying) == ""
    assert dying.returncode == -signal.SIGKILL
    assert desk.asked == 1
    row = await desk.row()
    assert (row.version, row.sealed) == (0, None)
    assert row.asked_until is not None
    desk.clock.now = row.asked_until + timedelta(seconds=1)
    for _ in range(3):
        with pytest.raises(NotAgreed, match="agrees again"):
            await desk.store().lend()
    assert desk.asked == 2, "refused once, and left alone"
    desk.clock.now += REFUSED_FOR
    with pytest.raises(NotAgreed):
        await desk.store().lend()
    assert desk.asked == 3
    new = Pair(access=Secret("new0access"), refresh=Secret("new0refresh"))
    await Lending(desk.database, VAULT, LAX).keep(new)
    assert await desk.store(refresh_token="new0refresh").lend() == new.access


async def test_waits_for_the_turn_of_whoever_died_before_asking(desk: Desk) -> None:
    await desk.keep(renew_at=NOW, ends_at=NOW + timedelta(minutes=1))
    async with desk.database.write() as session:
        await session.execute(sa.update(ConsentToken).values(asked_by="dead", asked_until=NOW + TURN))
    assert (await desk.store().lend()).reveal() == "first0access0token", "which lasts for a while"
    assert desk.asked == 0
    desk.clock.now += TURN + timedelta(seconds=1)
    store = desk.store()
    assert (await store.lend()).reveal() in desk.count
    assert desk.asked == 1


async def test_finds_out_that_an_answer_was_lost(desk: Desk) -> None:
    desk.sandbox.zendesk_fault(Fault(kind="lost"))
    store = desk.store()
    with pytest.raises(Unavailable):
        await store.lend()
    desk.sandbox.lift_faults()
    with pytest.raises(NotAgreed):
        await store.lend()


async def test_loses_nothing_while_the_vendor_is_away(desk: Desk) -> None:
    desk.sandbox.zendesk_fault(Fault(kind="unavailable"))
    store = desk.store()
    with pytest.raises(Unavailable):
        await store.lend()
    desk.sandbox.lift_faults()
    assert (await store.lend()).reveal() in desk.count


async def test_goes_on_when_whoever_waited_gives_up(desk: Desk) -> None:
    desk.sandbox.zendesk_fault(Fault(kind="slow", seconds=0.4))
    store = desk.store()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(store.lend(), 0.1)
    assert (await store.lend()).reveal() in desk.count
    assert desk.asked == 1


async def test_keeps_an_answer_until_the_database_takes_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written, failures = SharedTokens._write, [DatabaseDown("locked"), DatabaseDown("locked")]

    async def failing(self: SharedTokens, row: Any, **values: Any) -> bool:
        if failures:
            raise failures.pop()
        return await written(self, row, **values)

    monkeypatch.setattr(SharedTokens, "_write", failing)
    monkeypatch.setattr("gateway.lending.COMMIT_AGAIN", 0.01)
    lent = await desk.store().lend()
    assert failures == []
    assert await desk.store().lend() == lent
    assert desk.asked == 1


async def test_asks_with_another_token_where_the_one_before_is_void(desk: Desk) -> None:
    """As another process has renewed it, and Zendesk deletes the access token before it."""
    await desk.keep()
    old, new = desk.store(), desk.store()
    async with opened(desk, old) as one, opened(desk, new) as other:
        assert "Zendesk Support" in await check(one)
        await new.lend(refused=await new.lend())
        assert "Zendesk Support" in await check(one)
        assert "Zendesk Support" in await check(other)
    assert desk.asked == 1


async def test_seals_what_it_keeps_and_forgets_what_nobody_holds(desk: Desk) -> None:
    await desk.keep()
    row = await desk.row()
    assert row.sealed
    assert FIRST not in row.sealed + row.name
    assert FIRST in VAULT.open(row.sealed, vault_place(row.name), "pair").reveal()
    work = Upkeep(name="tokens", wanted_by="x", began_at=NOW, looked_at=NOW, done=0, total=0)
    sealed = {"refresh_token": VAULT.seal(Secret(FIRST), "sources/desk", "refresh_token")}
    source = {"title": "Desk", "connector": "zendesk", "settings": {}, "promises": {}, "changed_at": NOW}
    async with desk.database.write() as session:
        session.add(Source(name="desk", sealed=sealed, **source))
    other = Vault(parse_keyring("2:" + "B" * 43 + "="))  # of a server whose key ring is not whole
    async with desk.database.write() as session:
        await Abandoned(other).piece(session, work, NOW + ABANDONED * 2)
        assert await session.scalar(sa.select(sa.func.count()).select_from(ConsentToken)) == 1
    for gone, later, left in ((False, ABANDONED * 2, 1), (True, timedelta(0), 1), (True, ABANDONED * 2, 0)):
        async with desk.database.write() as session:
            if gone:
                await session.execute(sa.delete(Source))
            await Abandoned(VAULT).piece(session, work, NOW + later)
            assert await session.scalar(sa.select(sa.func.count()).select_from(ConsentToken)) == left
