"""One request's body on its way in: counted, timed, and read to its end before the connection is closed."""

import asyncio
from contextlib import suppress
from typing import cast

from litestar.exceptions import ClientException, HTTPException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import HTTPReceiveMessage, Message, Receive, Send
from msgspec import Struct

BODY_WITHIN = 30.0  # seconds for the whole of it, and for each part of one that may take longer
# What is left of a body after the answer. Who is still sending would lose the answer to a connection that is reset.
LEFT_BYTES = 1024 * 1024
LEFT_WITHIN = 2.0  # seconds


class TooSlow(HTTPException):
    """The body did not come in time."""

    status_code = 408


class CutShort(ClientException):
    """The body ended before its end. What came of it must not pass for the whole."""


class Cap(Struct, frozen=True):
    """The bytes that a body may have, and the seconds that it may take where that is longer than `BODY_WITHIN`."""

    most: int
    within: float = 0.0


class Body:
    """`receive` and `send` for whoever handles the request."""

    def __init__(self, receive: Receive, send: Send, cap: Cap) -> None:
        self._receive = receive
        self._send = send
        self._left = cap.most
        self._now = asyncio.get_running_loop().time
        self._ends = self._now() + max(cap.within, BODY_WITHIN)
        self._is_complete = False
        self._is_lost = False  # nothing more can be read

    async def receive(self) -> HTTPReceiveMessage:
        """Give the next part. Raises `RequestEntityTooLarge`, `TooSlow` or `CutShort`."""
        if self._is_complete:
            return await self._next()
        try:
            async with asyncio.timeout_at(min(self._ends, self._now() + BODY_WITHIN)):
                message = await self._next()
        except TimeoutError:
            self._is_lost = True
            raise TooSlow from None
        self._take(message)
        if self._is_lost:
            raise CutShort
        if self._left < 0:
            raise RequestEntityTooLarge
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on. One that is given before the body has come ends the connection, after the body."""
        if self._is_complete:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._send({**message, "headers": [*message["headers"], (b"connection", b"close")]})
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            # The server closes once it has sent all: so the last byte waits.
            answer = message["body"]
            await self._send({**message, "body": answer[:-1], "more_body": True})
            await self._read_what_is_left()
            await self._send({**message, "body": answer[-1:], "more_body": False})
        else:
            await self._send(message)

    async def _read_what_is_left(self) -> None:
        self._left = LEFT_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LEFT_WITHIN):
                while not self._is_complete and not self._is_lost and self._left > 0:
                    self._take(await self._next())

    async def _next(self) -> HTTPReceiveMessage:
        return cast("HTTPReceiveMessage", await self._receive())

    def _take(self, message: HTTPReceiveMessage) -> None:
        if message["type"] != "http.request":
            self._is_lost = True
            return
        self._left -= len(message["body"])
        self._is_complete = not message["more_body"]
