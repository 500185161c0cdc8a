"""One connection that only reads values, for all requests of a process.

The library takes eight times as long for a command as Redis and the socket do. So it opens this connection, for it
knows about addresses, TLS and passwords, and then only MGET and its answers pass over it.
"""

import asyncio
from collections.abc import Sequence

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, InvalidResponse, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError


class Line(asyncio.Protocol):
    """Takes one question at a time. Whatever disturbs the turn of question and answer ends the connection.

    So no answer is ever taken for that of another question.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer  # kept, for it would close the connection on its way out
        self._transport = writer.transport
        self._replies = hiredis.Reader(protocolError=InvalidResponse, replyError=_refusal)
        self._answer: asyncio.Future[object] | None = None
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    async def read(self, keys: Sequence[str], until: float) -> Sequence[bytes | None]:
        """Give the values of at least one key, by `until` on the event loop's clock. Raises the library's errors."""
        encoded = [key.encode("utf-8", "surrogatepass") for key in keys]
        command = hiredis.pack_command((b"MGET", *encoded))  # type: ignore[arg-type]  # typed as a tuple of one
        values = await self._ask(command, until)
        if not isinstance(values, list) or len(values) != len(keys):
            self.end()
            raise InvalidResponse("no list of the values that were asked for")
        return values

    async def _ask(self, command: bytes, until: float) -> object:
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        timer = loop.call_at(until, self._fail, RedisTimeoutError("no answer"))
        self._transport.write(command)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.end()
            raise
        finally:
            timer.cancel()
            self._answer = None

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.feed(data)
            reply = self._replies.gets()
        except RedisError as error:
            self._fail(error)
            return
        if reply is False:  # there is more to come
            return
        if self._answer is None or self._answer.done() or self._replies.has_data():
            self._fail(InvalidResponse("an answer that nobody asked for"))
        elif isinstance(reply, Exception):
            self._answer.set_exception(reply)
        else:
            self._answer.set_result(reply)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(RedisConnectionError(f"connection lost: {type(error).__name__}"))

    def end(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _fail(self, error: Exception) -> None:
        self.end()
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)


async def open_line(connection: AbstractConnection, until: float) -> Line:
    """Connect, by `until` on the event loop's clock. Raises the library's errors, `TimeoutError` and `OSError`."""
    try:
        async with asyncio.timeout_at(until):
            await connection.connect()  # type: ignore[no-untyped-call]  # the library's
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    writer, connection._writer = connection._writer, None  # noqa: SLF001  # the library has no other way to hand it over
    if writer is None:
        raise RedisConnectionError("connection lost")
    return Line(writer)


def _refusal(text: str) -> RedisError:
    """Tell a Redis that is still starting from one that refuses: it is as good as away."""
    return BusyLoadingError(text) if text.startswith("LOADING") else ResponseError(text)
