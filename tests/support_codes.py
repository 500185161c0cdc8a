"""The portal that people sign in to by e-mail, with the worker's part of it, and a real mail server on loopback."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import sqlalchemy as sa
from litestar.types import ASGIApp
from support_audit import BY, TRAIL
from support_browser import Browser
from support_door import litestar_of, portal_at
from support_mails import KEYS, SENDER, Sink, sink
from support_op import Op

from auth.clock import utc_now
from cache.client import Client
from connectors.config import Secret
from gateway.identity.invitations import Wish, invite
from gateway.identity.matching import Policy
from gateway.mails.choices import Stops
from gateway.mails.letters import Letters
from gateway.mails.post import server_of
from gateway.offices import Offices
from gateway.records.code_tables import SignInCode
from gateway.records.database import Database
from gateway.records.tables import Account
from gateway.rights import COMPANY
from gateway.sign_in_codes.knowing import Knowing
from gateway.sign_in_codes.letters import CodeLetters
from gateway.sign_in_codes.sending import CodeMailing

ANN, STRANGER = "ann@acme.example", "bob@acme.example"
CODE = re.compile(r"sign in: ([0-9]{2}(?: [0-9]{2}){3})\s")
LINK = re.compile(r"/sign-in/link/[A-Za-z0-9_-]{43}")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1"


class Codes:
    """`app` is the portal, `mailing` what a worker does beside it, and `server` has the mails."""

    def __init__(self, app: ASGIApp, database: Database, server: Sink, mailing: CodeMailing) -> None:
        self.app = app
        self.database = database
        self.server = server
        self.mailing = mailing

    @property
    def own_database(self) -> Database:
        """The one of the portal itself."""
        found: Database = litestar_of(self.app).state.database
        return found

    def browser(self) -> Browser:
        return Browser(self.app)

    async def ask(self, browser: Browser, address: str = ANN, **more: str) -> Any:
        return await browser.send(
            "POST",
            "/sign-in/address",
            {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "User-Agent": PHONE},
            data={"address": address, "next": "/", **more},
        )

    async def code_for(self, browser: Browser, address: str = ANN, **more: str) -> str:
        """Ask, and read the mail."""
        answer = await self.ask(browser, address, **more)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/code"), answer.text
        await self.mailing.turn()
        to, mail = self.server.mails[-1]
        assert to == address
        return code_in(mail)

    async def rows(self) -> list[SignInCode]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(SignInCode).order_by(SignInCode.id)))

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows()]


CodesAt = Callable[..., AbstractAsyncContextManager[Codes]]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def code_in(mail: EmailMessage) -> str:
    found = CODE.search(text_of(mail))
    assert found, text_of(mail)
    return found[1]


def link_in(mail: EmailMessage) -> str:
    found = LINK.search(text_of(mail))
    assert found, text_of(mail)
    return found[0]


def mailing_of(
    database: Database,
    server: Sink,
    offices: Offices,
    *,
    policy: Policy = "off",
    providers: Mapping[str, str] | None = None,
) -> CodeMailing:
    return CodeMailing(
        database,
        KEYS,
        Knowing(database, offices, policy=policy, providers=providers or {}),
        CodeLetters(Letters(SENDER, Stops(KEYS).sign, utc_now), ZoneInfo("UTC")),
        server_of(Secret(f"smtp://127.0.0.1:{server.port}")),
        clock=utc_now,
        sender=SENDER.address,
        titles=dict.fromkeys((providers or {}).values(), "Sign in with Acme"),
    )


async def invite_to_acme(database: Database, *addresses: str) -> None:
    async with database.write() as session:
        if await session.get(Account, "acme") is None:
            session.add(Account(id="acme", name="Acme", created_at=utc_now()))
    for address in addresses:
        wish = Wish(email=address, account="acme", rights=COMPANY, until=utc_now() + timedelta(days=30))
        await invite(database, trail=TRAIL, by=BY, made_by="priya", wish=wish, now=utc_now())


@pytest.fixture
def codes_at(op: Op, database: Database, database_url: str, redis_url: str, tmp_path: Path) -> CodesAt:
    """Runs the portal with codes, with these settings besides. Ann is invited, and nobody else is known."""

    @asynccontextmanager
    async def run(**more: str) -> AsyncIterator[Codes]:
        await invite_to_acme(database, ANN)
        async with sink() as server:
            mails = {"SMTP_URL": f"smtp://127.0.0.1:{server.port}", "MAIL_FROM": SENDER.address}
            settings = {"SIGN_IN": "both", **mails, **more}
            async with portal_at(op, database_url, redis_url, tmp_path, **settings) as app:
                offices: Offices = litestar_of(app).state.offices
                yield Codes(app, database, server, mailing_of(database, server, offices, providers={op.issuer: "main"}))

    return run


@pytest_asyncio.fixture
async def codes(codes_at: CodesAt, redis: Client) -> AsyncIterator[Codes]:
    """`redis` has emptied the server."""
    async with codes_at() as made:
        yield made
