"""Handing mails to a mail server, and what its answers mean for what is done next."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

import aiosmtplib
from msgspec import Struct

from auth.loopback import is_loopback
from connectors.config import Secret

PATIENCE = 20.0  # seconds for an answer
HAND_WITHIN = 60.0  # seconds for one mail, its own answer included
LONGEST = 500  # signs of what a server says
CLOSING = 421  # "service not available, closing the channel", at any time
FIRST_FINAL = 500
# What answers to a recipient's name mean, by RFC 3463. No more than a number: there is no such mailbox, or not here.
NO_MAILBOX = frozenset({550, 551, 553})
IS_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
IS_US = frozenset({"1.7", "1.8", "7.60"})
SIGN_IN_FIRST = 530
ENHANCED = re.compile(r"\b5\.(\d{1,3}\.\d{1,3})\b")
# Postfix and others refuse a sender, a client or a sign-in that is missing only once a recipient is named.
OF_US = re.compile(r"sender|relay(?! recipient table)|authenti|rcpthosts|client host|helo command", re.IGNORECASE)
NAMED = re.compile(r"<[^<>]*>|\S+@\S+")  # addresses, which may be called anything
GONE = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError, TimeoutError)


class Away(Exception):  # noqa: N818  # says what is
    """No mail can go out now: the server is away, does not know us, or refuses who the mails are from."""


class Declined(Exception):  # noqa: N818  # says what is
    """The server did not take this mail. `is_final`: nor will it; `is_address`: nor any other to this address."""

    def __init__(self, said: str, *, is_final: bool, is_address: bool = False) -> None:
        super().__init__(said)
        self.is_final = is_final
        self.is_address = is_address


class Lost(Exception):  # noqa: N818  # says what is
    """The connection broke when the mail was handed over: it may have been taken, and may not."""


class Server(Struct, frozen=True, kw_only=True):
    """A mail server, and what to prove ourselves with. `is_secure`: by TLS from the first byte, not by STARTTLS."""

    host: str
    port: int
    user: str | None
    password: Secret | None
    is_secure: bool

    @property
    def needs_starttls(self) -> bool | None:
        """A password goes to another machine under TLS only. None: TLS is used where the server has it."""
        if self.is_secure:
            return False
        return True if self.password and not is_loopback(self.host) else None


def server_of(url: Secret) -> Server:
    """Read smtp:// or smtps://, as `gateway.rules` lets it through."""
    parts = urlsplit(url.reveal())
    is_secure = parts.scheme == "smtps"
    usual = 465 if is_secure else 587 if parts.username else 25
    return Server(
        host=parts.hostname or "",
        port=parts.port or usual,
        user=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        is_secure=is_secure,
    )


class Line:
    """A connection to the server."""

    def __init__(self, client: aiosmtplib.SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def hand(self, to: str, message: bytes, begin: Callable[[], Awaitable[bool]]) -> bool:
        """Hand one mail over; True: the server has taken it. False: `begin`, asked just before, did not want it to go.

        Raises `Away`, `Declined` and `Lost`.
        """
        try:
            async with asyncio.timeout(PATIENCE * 2):
                await self._name(to)
        except GONE as error:
            raise Away(type(error).__name__) from error
        if not await begin():
            await self._forget()
            return False
        try:
            async with asyncio.timeout(HAND_WITHIN):
                await self._client.data(message)
        except aiosmtplib.SMTPDataError as error:
            raise Declined(_said(error), is_final=error.code >= FIRST_FINAL) from error
        except (*GONE, aiosmtplib.SMTPException) as error:
            raise Lost(type(error).__name__) from error
        return True

    async def _name(self, to: str) -> None:
        """Say from whom and to whom."""
        try:
            await self._client.mail(self._sender)
            await self._client.rcpt(to)
        except aiosmtplib.SMTPRecipientRefused as error:
            if error.code == CLOSING or _is_about_us(error):
                raise Away(NAMED.sub("<…>", _said(error))) from error
            await self._forget()
            is_final = error.code >= FIRST_FINAL
            raise Declined(_said(error), is_final=is_final, is_address=is_final and _is_about_address(error)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise Away(_said(error)) from error

    async def _forget(self) -> None:
        with suppress(*GONE, aiosmtplib.SMTPException):  # the next mail finds out
            await self._client.rset()


@asynccontextmanager
async def open_line(server: Server, sender: str) -> AsyncIterator[Line]:
    """Connect. Raises `Away`."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password.reveal() if server.password else None,
        use_tls=server.is_secure,
        start_tls=server.needs_starttls,
        timeout=PATIENCE,
    )
    try:
        await client.connect()
    except (*GONE, aiosmtplib.SMTPException, ValueError) as error:
        client.close()
        raise Away(_said(error)) from error
    try:
        yield Line(client, sender)
    finally:
        with suppress(*GONE, aiosmtplib.SMTPException):
            await client.quit()
        client.close()


def _said(error: Exception) -> str:
    """Tell what is wrong, for operators. What a library says of an error of its own may hold the password."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"[:LONGEST]
    return type(error).__name__


def _is_about_us(error: aiosmtplib.SMTPResponseException) -> bool:
    """Whether nothing of ours is taken, whomever it is to. A code at the front counts more than words."""
    if error.code < FIRST_FINAL:
        return False
    told = ENHANCED.match(error.message)
    if told and told[1] in IS_US | IS_ADDRESS:
        return told[1] in IS_US
    return error.code == SIGN_IN_FIRST or OF_US.search(NAMED.sub("", error.message)) is not None


def _is_about_address(error: aiosmtplib.SMTPResponseException) -> bool:
    """Whether it is the mailbox that is not there, and not a rule or a size that is in the way."""
    told = ENHANCED.search(error.message)
    return told[1] in IS_ADDRESS if told else error.code in NO_MAILBOX
