"""A real mail server on loopback that keeps what it gets and fails on demand, and all that mails need around it."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from support_audit import TRAIL
from support_feeds import EVERY, START, Ledger, Process, Ticking, link, process

from cache.client import Client
from connectors.config import Secret
from gateway.account_view import AccountViews
from gateway.feeds.noticing import Noticing
from gateway.feeds.reading import Reading
from gateway.keyring import Keyring, parse_keyring
from gateway.mails.choices import MailChoices, Stops
from gateway.mails.letters import Letters, Sender
from gateway.mails.post import server_of
from gateway.mails.queue import Queue
from gateway.mails.sending import Mailing
from gateway.records.database import Database
from gateway.records.mail_tables import MailRow
from gateway.records.tables import Member, Membership
from gateway.rights import COMPANY, Rights

UTC_ZONE = ZoneInfo("UTC")
KEYS: Keyring = parse_keyring("1:" + "A" * 43 + "=")
SENDER = Sender(
    base_url="https://portal.example",
    name="Kestrel & Moor",
    address="portal@kestrel.example",
    reply_to="priya@kestrel.example",
    accent="#155470",
    accent_ink="#fff",
)


class Sink:
    """Keeps mails. `answers` are given, one each, before it takes any; "drop" breaks the connection instead."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.raw: list[bytes] = []
        self.rcpt: list[str] = []
        self.data: list[str] = []
        self.mail: list[str] = []
        self.port = 0
        self.connections = 0

    async def handle_EHLO(  # noqa: N802  # the library's name, and what it hands over
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail:
            return self.mail.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt:
            answer = self.rcpt.pop(0)
            if answer == "drop":
                _cut(server)
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.data.pop(0) if self.data else "250 OK"
        if answer in ("250 OK", "drop"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.raw.append(content)
            parsed: Any = email.message_from_bytes(content, policy=email.policy.default)
            self.mails.append((envelope.rcpt_tos[0], parsed))
        if answer == "drop":
            _cut(server)
        return answer

    @property
    def subjects(self) -> list[tuple[str, str]]:
        return [(to, str(mail["Subject"])) for to, mail in self.mails]


def _cut(server: SMTP) -> None:
    """Break the connection without a word."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Run a mail server until the block ends."""
    made = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(made, loop=loop, hostname="sink"), "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


class World:
    """One process that looks for news in a ledger, and sends mails."""

    def __init__(
        self, database: Database, redis: Client, ledger: Ledger, clock: Ticking, *, here: Process, server: Sink
    ) -> None:
        self.database = database
        self.redis = redis
        self.ledger = ledger
        self.clock = clock
        self.here = here
        self.server = server
        kept = here.kept
        kept._notes = True
        views = AccountViews(here.offices, here.supply, budget=1.0)
        self.stops = Stops(KEYS)
        self.choices = MailChoices(database, TRAIL)
        self.letters = Letters(SENDER, self.stops.sign, clock)
        self.noticing = Noticing(
            database, redis, here.offices, Reading(kept, clock), told=Queue(), clock=clock, zone=UTC_ZONE
        )
        self.mailing = Mailing(
            database,
            views,
            self.letters,
            server_of(Secret(f"smtp://127.0.0.1:{server.port}")),
            clock=clock,
            zone=UTC_ZONE,
            sender=SENDER.address,
            rate=6000,
        )

    def another(self) -> "World":
        """Give another process beside this one."""
        return World(self.database, self.redis, self.ledger, self.clock, here=self.here, server=self.server)

    async def begin(self) -> None:
        """Follow the feed, and read the lists of two customers for the first time."""
        await self.look()
        for customer in ("7", "8"):
            await self.view(customer)
        await self.look()

    async def follow(self) -> None:
        self.clock.now += EVERY
        await self.here.following.look("ledger", "invoices")

    async def look(self) -> None:
        """Follow the feed, look for news and send mails."""
        await self.follow()
        await self.noticing.turn()
        await self.mailing.turn()

    async def view(self, customer: str) -> None:
        """Look at a page, for which the list is read."""
        await self.here.supply.serve([self.here.want(customer)], asyncio.get_running_loop().time() + 2)

    async def rows(self) -> list[MailRow]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(MailRow).order_by(MailRow.id)))

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows() if row.state != "silent"]


@asynccontextmanager
async def mail_world(database: Database, redis: Client) -> AsyncIterator[World]:
    """Make a world with two customers, for one of which somebody has a login."""
    clock = Ticking()
    ledger = Ledger(clock)
    await link(database, "7", "8")
    await add_member(database, "acme-7", "maya")
    async with sink() as server, process(database, redis, ledger.office(), clock) as here:
        yield World(database, redis, ledger, clock, here=here, server=server)


async def add_member(
    database: Database,
    account: str,
    name: str,
    rights: Rights = COMPANY,
    *,
    email: str | None = "",
) -> str:
    """Let somebody act for an account. `email` "": one made of the name."""
    id_ = name.ljust(26, "0")[:26]
    async with database.write() as session:
        session.add(
            Member(
                id=id_,
                issuer="https://login.example",
                subject=name,
                email=f"{name}@customer.example" if email == "" else email,
                name=name.title(),
                created_at=START,
            )
        )
        await session.flush()
        session.add(Membership(member_id=id_, account_id=account, rights=msgspec.to_builtins(rights), created_at=START))
    return id_
