"""A mail server that fails at every stage: what went out is known, or said to be unknown, and never goes out twice."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support_audit import BY
from support_mails import SENDER, UTC_ZONE, World, add_member, mail_world

from cache.client import Client
from connectors.config import Secret
from gateway.account_view import AccountViews
from gateway.mails import post
from gateway.mails.others import Others
from gateway.mails.post import Away, Declined, Line, open_line, server_of
from gateway.mails.sending import PAUSES, Mailing
from gateway.message_rules import Choice
from gateway.records.database import Database

MINUTE = timedelta(minutes=1)
DROP, HANG = "drop", "hang"  # instead of an answer
STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "body")
USUAL = {"connect": "220 sink", "ehlo": "250-sink\r\n250 AUTH PLAIN LOGIN", "auth": "235 yes", "data": "354 go on"}


class Script:
    """A mail server by hand. `faults` are its next answers by stage; a body that it has got is in `bodies`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.faults: dict[str, list[str]] = {}
        self.bodies: list[bytes] = []
        self.said: list[str] = []
        self.port = 0
        self._tls = tls

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Script"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await self._answer("connect", writer):
                while line := (await reader.readline()).decode().strip():
                    stage = line.split(" ")[0].lower()
                    self.said.append(stage)
                    if stage == "quit" or not await self._answer(stage, writer):
                        break
                    if stage == "data":
                        body = await reader.readuntil(b"\r\n.\r\n")
                        self.bodies.append(body)
                        if not await self._answer("body", writer):
                            break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, stage: str, writer: asyncio.StreamWriter) -> bool:
        """Give the next answer. False: the connection is to end."""
        waiting = self.faults.get(stage)
        answer = waiting.pop(0) if waiting else USUAL.get(stage, "250 OK")
        if answer == DROP:
            writer.transport.abort()
            return False
        if answer == HANG:
            await asyncio.sleep(3)
            return False
        writer.write(f"{answer}\r\n".encode())
        await writer.drain()
        return not answer.startswith("421")


class FailsOnce:
    """One mail of another kind, over which something of ours fails at first."""

    def __init__(self) -> None:
        self.has_failed = self.has_gone = False

    async def is_due(self, _now: datetime) -> bool:
        return not self.has_gone

    async def one(self, _line: Line) -> bool:
        if not self.has_failed:
            self.has_failed = True
            raise ZeroDivisionError
        was_due, self.has_gone = not self.has_gone, True
        return was_due


@pytest.fixture
async def faulty(database: Database, redis: Client) -> AsyncIterator[tuple[World, Script]]:
    async with mail_world(database, redis) as world, Script().run() as server:
        world.mailing = mailing(world, f"smtp://portal:secret-word@127.0.0.1:{server.port}")
        await world.begin()
        yield world, server


def mailing(world: World, url: str, rate: int = 60_000) -> Mailing:
    views = AccountViews(world.here.offices, world.here.supply, budget=1.0)
    server = server_of(Secret(url))
    more = {"clock": world.clock, "zone": UTC_ZONE, "sender": SENDER.address}
    return Mailing(world.database, views, world.letters, server, rate=rate, **more)  # type: ignore[arg-type]


# What the server does, and what is then known of the mail, and what at last.
FAULTS = [
    *((stage, DROP, "waiting", "sent") for stage in STAGES[:5]),
    *((stage, DROP, "unknown", "unknown") for stage in STAGES[5:]),
    *((stage, "421 4.3.2 not now", "waiting", "sent") for stage in STAGES),
    *((stage, "451 4.7.1 grey", "waiting", "sent") for stage in ("mail", "rcpt", "data", "body")),
    ("auth", "535 5.7.8 wrong password", "waiting", "sent"),
    ("mail", "550 5.7.1 not from you", "waiting", "sent"),
    ("rcpt", "550 5.1.1 nobody", "failed", "failed"),
    ("rcpt", "550 no", "failed", "failed"),
    ("rcpt", "552 5.2.2 full", "failed", "failed"),
    ("rcpt", "553 5.1.7 bad sender", "waiting", "sent"),
    ("rcpt", "554 5.7.1 <maya@customer.example>: Relay access denied", "waiting", "sent"),
    ("rcpt", "550 Sender verify failed", "waiting", "sent"),
    ("rcpt", "530 5.7.0 Authentication required", "waiting", "sent"),
    ("body", "554 5.7.1 spam", "failed", "failed"),
    ("body", HANG, "unknown", "unknown"),
    ("rcpt", HANG, "waiting", "sent"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("stage", "fault", "then", "at_last"), FAULTS)
async def test_never_sends_twice_and_knows_what_it_does_not_know(  # noqa: PLR0917  # a table and what it needs
    stage: str,
    fault: str,
    then: str,
    at_last: str,
    faulty: tuple[World, Script],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server = faulty
    if fault == HANG:
        monkeypatch.setattr(post, "PATIENCE", 0.3)
        monkeypatch.setattr(post, "HAND_WITHIN", 0.3)
    server.faults = {stage: [fault]}
    world.ledger.put("2", "7", 20)
    await world.look()
    assert await world.states() == [then]
    (row,) = await world.rows()
    assert "secret-word" not in (row.error or "")
    for _ in range(4):
        world.clock.now += timedelta(seconds=PAUSES[0])
        await world.mailing.turn()
    assert await world.states() == [at_last]
    taken = [body for body in server.bodies if b"New invoice 2" in body]
    ids = {email.message_from_bytes(body, policy=email.policy.default)["Message-ID"] for body in taken}
    assert len(ids) <= 1, "what is sent once more can be told by its id"
    was_refused = stage == "body" and fault[0] in "45"
    assert (
        len(taken)
        == (at_last == "sent" or fault in (DROP, HANG)) * (stage != "data" or at_last == "sent") + was_refused
    )
    # Whatever happened to this one, the next one goes out, unless there is no such mailbox.
    refused = fault.startswith(("550 5.1.1", "550 no"))
    world.ledger.put("3", "7", 20)
    world.clock.now += timedelta(minutes=6)
    await world.look()
    assert (await world.states())[1:] == ([] if refused else ["sent"])


# What a server says to the name of who is written to, and whom it refuses: us, this mailbox, or this mail alone.
REFUSALS = [
    ("550 5.1.8 <portal@kestrel.example>: Sender address rejected: Domain not found", "us"),
    ("550 5.1.7 <portal@kestrel.example>: Sender address rejected: undeliverable address", "us"),
    ("550 5.1.0 <portal@kestrel.example>: Sender address rejected: User unknown in local table", "us"),
    ("553 5.7.1 <portal@kestrel.example>: Sender address rejected: not owned by user portal", "us"),
    ("504 5.5.2 <portal@kestrel.example>: Sender address rejected: need fully-qualified address", "us"),
    ("554 5.7.1 <maya@customer.example>: Relay access denied", "us"),
    ("550 5.7.1 <maya@customer.example>... Relaying denied", "us"),
    ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "us"),
    ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "us"),
    ("550-Called: 192.0.2.1\r\n550-Response: 550 5.1.1 unknown\r\n550 Sender verify failed", "us"),
    ("550 relay not permitted", "us"),
    ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "us"),
    ("554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", "us"),
    ("550 <portal.example>: Helo command rejected: Host not found", "us"),
    ("530 you first", "us"),
    ("550 Authentication is required", "us"),
    ("550 5.1.1 <maya@customer.example>: User unknown in relay recipient table", "mailbox"),
    ("550 5.1.2 no such domain", "mailbox"),
    ("553 5.1.3 no address", "mailbox"),
    ("551 5.1.6 moved", "mailbox"),
    ("556 5.1.10 takes no mail", "mailbox"),
    ("550 5.2.1 switched off", "mailbox"),
    ("550 <maya@customer.example>: User unknown in relay recipient table", "mailbox"),
    ("550 sorry, no mailbox here by that name (#5.1.1)", "mailbox"),
    ("551 not here", "mailbox"),
    ("553 <sender.relay@customer.example>: no", "mailbox"),
    ("550 5.1.0 Address rejected", "mail"),
    ("550 5.7.1 <sender@customer.example>: Recipient address rejected: Access denied", "mail"),
    ("554 no", "mail"),
]


@pytest.mark.parametrize(("answer", "whom"), REFUSALS)
async def test_tells_who_is_refused(answer: str, whom: str) -> None:
    async def begin() -> bool:
        raise AssertionError("it was taken")

    async with Script().run() as server:
        server.faults = {"rcpt": [answer]}
        async with open_line(server_of(Secret(f"smtp://127.0.0.1:{server.port}")), SENDER.address) as line:
            with pytest.raises((Away, Declined)) as error:
                await line.hand("maya@customer.example", b"", begin)
    match error.value:
        case Declined(is_final=True, is_address=is_address):
            told = "mailbox" if is_address else "mail"
        case _:
            told = "us"
            assert "@" not in str(error.value), "it is logged"
    assert told == whom


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_lets_the_others_go_first_where_only_one_is_refused_like_that(faulty: tuple[World, Script]) -> None:
    world, server = faulty
    for name in ("abel", "zoe"):
        await add_member(world.database, "acme-7", name)
    no = "550 5.7.1 the sender must be one of us"
    server.faults = {"rcpt": [no]}
    world.ledger.put("2", "7", 20)
    await world.look()
    assert await world.states() == ["waiting"] * 3
    server.faults = {"rcpt": ["250 OK", "250 OK", no]}
    world.clock.now += MINUTE
    await world.mailing.turn()
    assert sorted(await world.states()) == ["sent", "sent", "waiting"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_stops_at_one_of_several_readers(faulty: tuple[World, Script]) -> None:
    world, server = faulty
    for name in ("abel", "zoe"):
        await add_member(world.database, "acme-7", name)
    server.faults = {"rcpt": ["250 OK", "550 5.1.1 nobody"]}
    world.ledger.put("2", "7", 20)
    await world.look()
    assert sorted(await world.states()) == ["failed", "sent", "sent"]
    refused = [(await world.choices.of(row.member_id)).refused for row in await world.rows() if row.state == "failed"]
    assert refused == [True]


async def test_leaves_its_turn_to_the_next_one_whatever_happened_in_it(faulty: tuple[World, Script]) -> None:
    world, server = faulty
    failing = FailsOnce()
    views = AccountViews(world.here.offices, world.here.supply, budget=1.0)
    url = server_of(Secret(f"smtp://127.0.0.1:{server.port}"))
    more = {"clock": world.clock, "zone": UTC_ZONE, "sender": SENDER.address, "others": Others(failing)}
    made = Mailing(world.database, views, world.letters, url, rate=60_000, **more)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        await made.turn()
    await made.turn()
    assert failing.has_gone


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_takes_its_time(faulty: tuple[World, Script]) -> None:
    """As many mails in a minute as are allowed, and no more."""
    world, server = faulty
    world.mailing = mailing(world, f"smtp://127.0.0.1:{server.port}", rate=600)
    for number in range(4):
        world.ledger.put(f"n{number}", "7", number)
    began = asyncio.get_running_loop().time()
    await world.look()
    assert len(server.bodies) == 4
    assert asyncio.get_running_loop().time() - began >= 3 * 0.1


async def test_gives_no_password_to_a_server_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Script().run() as server:
        url = Secret(f"smtp://portal:secret-word@127.0.0.1:{server.port}")
        monkeypatch.setattr(post, "is_loopback", lambda _: False)  # as for another machine
        with pytest.raises(Away):
            async with open_line(server_of(url), SENDER.address):
                pass
    assert "auth" not in server.said


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_trusts_no_certificate_that_nobody_vouches_for(scheme: str, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with Script(context if scheme == "smtps" else None).run() as server:
        server.faults = {"ehlo": ["250-sink\r\n250 STARTTLS"], "starttls": [DROP]}
        with pytest.raises(Away) as error:
            async with open_line(server_of(Secret(f"{scheme}://portal:secret-word@127.0.0.1:{server.port}")), "a@b.c"):
                pass
    assert "secret-word" not in str(error.value)
    assert "auth" not in server.said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sends_many_together_once_though_every_answer_is_lost(faulty: tuple[World, Script]) -> None:
    world, server = faulty
    await world.choices.choose(world_member(), {"invoice_new": Choice(mail="daily")}, BY)
    for number in range(3):
        world.ledger.put(f"n{number}", "7", number)
        await world.look()
    server.faults = {"body": [DROP] * 5, "rcpt": [DROP, DROP]}
    for _ in range(30):
        world.clock.now += timedelta(hours=1)
        await world.mailing.turn()
    assert await world.states() == ["unknown"] * 3
    assert len(server.bodies) == 1


def world_member() -> str:
    return "maya".ljust(26, "0")
