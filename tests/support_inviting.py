"""People who are invited, mails that wait for them, and a mail server that takes them."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_identity import World
from support_mails import KEYS, SENDER, Sink, sink

from connectors.config import Secret
from gateway.identity.invitation_links import InvitationLinks
from gateway.identity.inviting import Choice, send, send_one, stage
from gateway.mails.inviting import InvitationLetters, Inviting
from gateway.mails.letters import Letters
from gateway.mails.post import Away, open_line, server_of
from gateway.records.customer_tables import InvitationMail
from gateway.records.identity_tables import Invitation

ALL = Choice()
LINK = re.compile(r"https://portal\.example(/invited/[\w.-]+)\s")


class Bids:
    """What is done about invitations in a `World`, with a mail server beside it."""

    def __init__(self, world: World, server: Sink) -> None:
        self.world = world
        self.server = server
        self.links = InvitationLinks(KEYS)
        letters = Letters(SENDER, lambda _: "", self._now)
        self.sender = Inviting(world.db, InvitationLetters(letters, self.links.sign, ZoneInfo("UTC")), self._now)

    def _now(self) -> datetime:
        return self.world.now

    async def people(self, many: int, account: str = "acme") -> list[str]:
        """Invite some to an account, and give their addresses in the order in which they are written to."""
        emails = [f"p{number:03}@{account}.example" for number in range(many)]
        for email in emails:
            await self.world.invite(email, account)
        return emails

    async def send(self, many: int = 100, choice: Choice = ALL) -> int:
        found = await stage(self.world.db, choice, many, self.world.now)
        return await self.take(found.upto, choice)

    async def take(self, upto: str, choice: Choice = ALL) -> int:
        return await send(self.world.db, trail=TRAIL, by=BY, choice=choice, upto=upto, now=self.world.now)

    async def again(self, email: str, number: int) -> bool:
        async with self.world.db.read() as session:
            its = sa.select(Invitation.id).where(Invitation.email == email).order_by(Invitation.id.desc())
            id_ = (await session.scalars(its.limit(1))).one()
        return await send_one(self.world.db, trail=TRAIL, by=BY, invitation=id_, number=number, now=self.world.now)

    async def post(self, most: int = 100) -> None:
        """Send all that is due, as long as the server is there."""
        try:
            async with open_line(server_of(Secret(f"smtp://127.0.0.1:{self.server.port}")), SENDER.address) as line:
                for _ in range(most):
                    if not await self.sender.one(line):
                        return
        except Away:
            return

    async def mails(self) -> list[InvitationMail]:
        async with self.world.db.read() as session:
            return list(await session.scalars(sa.select(InvitationMail).order_by(InvitationMail.id)))

    async def states(self) -> list[str]:
        return [row.state for row in await self.mails()]

    def reached(self) -> list[str]:
        return [to for to, _ in self.server.mails]

    def followed(self) -> list[str]:
        """Give where the links of the mails lead, as their text has them."""
        bodies = [mail.get_body(("plain",)) for _, mail in self.server.mails]
        found = [LINK.search(str(body.get_content())) if body else None for body in bodies]
        return [each[1] for each in found if each]

    def later(self, **by: float) -> None:
        self.world.now += timedelta(**by)


@pytest_asyncio.fixture
async def bids(world: World) -> AsyncIterator[Bids]:
    await world.link_accounts("acme", "globex")
    async with sink() as server:
        yield Bids(world, server)
