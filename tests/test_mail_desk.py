"""Mails as staff find them, and what they decide about those that did not go out, or may not have."""

import asyncio
import html
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_cli import Hallway
from support_mails import World, mail_world
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_staff import member_of, staff_at

from auth.clock import utc_now
from cache.client import Client
from gateway.finding import Batch, Wanted
from gateway.mails import desk
from gateway.mails.preparing import TOO_LATE
from gateway.records.database import Database
from gateway.records.identity_tables import Address
from gateway.records.ids import new_id
from gateway.records.mail_tables import MailRow
from gateway.records.tables import AuditLine, Member


@pytest_asyncio.fixture
async def world(database: Database, redis: Client) -> AsyncIterator[World]:
    async with mail_world(database, redis) as made:
        await made.begin()
        yield made


async def stopped(world: World, answer: str) -> str:
    """A mail that the server has answered so, and its id."""
    world.ledger.put("1", "7", 10)
    world.server.data = [answer]
    await world.look()
    (row,) = await world.rows()
    return row.id


async def decide(world: World, act: Any, wanted: Wanted) -> int:
    batch = await desk.decidable(world.database, wanted)
    made: int = await act(world.database, trail=TRAIL, by=BY, wanted=wanted, upto=batch.upto, now=world.clock.now)
    return made


async def told(database: Database) -> list[str]:
    async with database.read() as session:
        lines = sa.select(AuditLine.what).where(AuditLine.what.like("mail.%")).order_by(AuditLine.number)
        return list(await session.scalars(lines))


async def test_sends_again_what_failed_also_days_later(world: World) -> None:
    id_ = await stopped(world, "554 5.7.1 spam")
    assert await world.states() == ["failed"]
    assert await desk.count_stopped(world.database) == 1
    world.clock.now += TOO_LATE + timedelta(hours=1)
    assert await decide(world, desk.resend, Wanted()) == 1
    await world.mailing.turn()
    assert await world.states() == ["sent"]
    assert len(world.server.mails) == 1
    mail = await desk.one(world.database, id_)
    assert (mail.tries, mail.error, mail.resent_at) == (1, None, world.clock.now)
    assert await decide(world, desk.resend, Wanted()) == 0, "nothing is to be decided any more"
    assert await told(world.database) == ["mail.sent_again"]


async def test_believes_an_address_again_where_its_mail_is_sent_again(world: World) -> None:
    world.ledger.put("1", "7", 10)
    world.server.rcpt = ["550 5.1.1 no such user"]
    await world.look()
    (row,) = await world.rows()
    assert (await world.choices.of(row.member_id)).refused
    assert await decide(world, desk.resend, Wanted()) == 1
    assert not (await world.choices.of(row.member_id)).refused
    await world.mailing.turn()
    assert (await world.states(), len(world.server.mails)) == (["sent"], 1)
    async with world.database.read() as session:
        (line,) = await session.scalars(sa.select(AuditLine).where(AuditLine.what == "mail.sent_again"))
    assert json.loads(line.details)["address"] == "tried again"


async def test_asks_nobody_again_about_what_has_arrived(world: World) -> None:
    await stopped(world, "drop")
    assert await world.states() == ["unknown"]
    assert await decide(world, desk.settle, Wanted(state="unknown")) == 1
    assert await world.states() == ["sent"]
    world.clock.now += timedelta(days=1)
    await world.mailing.turn()
    assert len(world.server.mails) == 1, "the one whose answer was lost"
    assert (await desk.count_stopped(world.database), await told(world.database)) == (0, ["mail.settled"])


async def test_lets_a_try_that_comes_back_late_change_nothing(world: World) -> None:
    await stopped(world, "554 5.7.1 spam")
    (before,) = await world.rows()
    assert await decide(world, desk.settle, Wanted()) == 1
    (after,) = await world.rows()
    assert (after.state, after.turn > before.turn) == ("dropped", True)


async def test_decides_about_so_many_at_once_and_none_that_came_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mails.desk.MOST_AT_ONCE", 1)
    for number in range(3):
        world.ledger.put(f"n{number}", "7", number)
        world.server.data = ["554 5.7.1 spam"]
        await world.look()
    batch = await desk.decidable(world.database, Wanted())
    assert batch.many == 1
    first = min(row.id for row in await world.rows())
    args = {"trail": TRAIL, "by": BY, "wanted": Wanted(), "upto": first, "now": world.clock.now}
    assert await desk.settle(world.database, **args) == 1  # type: ignore[arg-type]
    states = {row.id: row.state for row in await world.rows()}
    assert [state for id_, state in sorted(states.items())] == ["dropped", "failed", "failed"]
    assert await desk.decidable(world.database, Wanted(id=first)) == Batch(0, "")


async def test_finds_mails(world: World) -> None:
    async with world.database.write() as session:
        (maya,) = await session.scalars(sa.select(Member.id))
        session.add(Address(address="maya@customer.example", member_id=maya, first_at=world.clock.now))
    await stopped(world, "554 5.7.1 spam")
    for wanted in (
        Wanted(),
        Wanted(state="failed"),
        Wanted(words="acme-7"),
        Wanted(words="MAYA@customer.example"),
        Wanted(words="1"),
        Wanted(source="ledger"),
    ):
        found = await desk.find(world.database, wanted, 1)
        assert (found.count, [mail.called for mail in found.found]) == (1, ["Maya"]), wanted
    for wanted in (Wanted(state="sent"), Wanted(words="%"), Wanted(source="x"), Wanted(id="x")):
        assert (await desk.find(world.database, wanted, 1)).count == 0, wanted


def mail(member: str, account: str, state: str = "failed") -> MailRow:
    now = utc_now()
    return MailRow(
        id=new_id(),
        member_id=member,
        account_id=account,
        source="erp",
        kind="invoices",
        record="2093<b>",
        names="invoice_new",
        event_key=new_id(),
        made_at=now,
        due_at=None,
        state=state,
        turn=1,
        tries=1,
        handed_at=None,
        ended_at=now,
        error="554 <script>alert(1)</script>",
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_shows_mails_and_asks_before_a_decision(portal: Portal) -> None:
    await portal.link("maya", "bakery", ("erp", "10"))
    maya = await member_of(portal)
    failed, unknown = mail(maya, "bakery"), mail(maya, "bakery", "unknown")
    async with portal.database.write() as session:
        session.add_all([failed, unknown])
    sam = await staff_at(portal)
    assert "2 mails did not go out, or may not have" in (await sam.get("/staff")).text
    page = (await sam.get("/staff/deliveries/mails?status=failed")).text
    assert "<script>alert" not in page
    assert "2093&lt;b&gt;" in page
    assert "Send 1 mail again" in page
    assert ">Bakery, bakery<" in page
    page = (await sam.get(f"/staff/deliveries/mails/sent/{unknown.id}")).text
    assert "It has arrived…" in page
    assert ">Bakery<" in page
    asked = html.unescape((await sam.get("/staff/deliveries/mails/resend")).text)
    assert "Send 2 mails again?" in asked
    assert "An address that mails came back from is tried again" in asked
    settled = await sam.send("POST", "/staff/deliveries/mails/settle", id=unknown.id, upto=unknown.id)
    assert settled.headers["location"] == f"/staff/deliveries/mails/sent/{unknown.id}"
    again = await sam.send("POST", "/staff/deliveries/mails/resend", status="failed", upto=failed.id)
    assert again.headers["location"] == "/staff/deliveries/mails?done=1"
    async with portal.database.read() as session:
        states = {row.id: row.state for row in await session.scalars(sa.select(MailRow))}
    assert states == {failed.id: "waiting", unknown.id: "sent"}
    assert "Nothing to decide" in (await sam.get("/staff/deliveries/mails/settle")).text
    assert "'554" not in (await sam.get("/staff/deliveries/mails.csv")).text
    assert (await sam.get("/staff/deliveries/mails/sent/none")).status_code == 404


def test_decides_on_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    named = ("--issuer", "https://login.example", "--subject", "maya")
    assert hallway("link", "--account", "acme", "--source", "erp", "--customer", "10", "--fact", "x", *named) == 0
    assert (hallway("mails", "list"), hallway.out) == (0, "nothing needs a decision\n")

    async def put() -> str:
        database = Database(f"sqlite:///{hallway.folder}/data/hallway.db")
        async with database.write() as session:
            (maya,) = await session.scalars(sa.select(Member.id))
            made = mail(maya, "acme")
            made.error = "no\x1b[2J"
            session.add(made)
        await database.close()
        return made.id

    made = asyncio.run(put())
    assert hallway("mails", "list") == 0
    assert '"no\\u001b[2J"' in hallway.out
    assert (hallway("mails", "resend", "none"), "no such mail" in hallway.err) == (2, True)
    assert (hallway("mails", "settle", made), hallway.out) == (0, "settled: it needs nobody any more\n")
    assert hallway("mails", "resend", made) == 2
    assert "it is dropped" in hallway.err
    assert (hallway("mails", "list", "--state", "dropped"), made in hallway.out) == (0, True)
