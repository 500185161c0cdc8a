"""One connection for all that the requests of a process ask Redis.

The library takes eight times as long for a command as Redis and the socket do. So it opens this connection, for it
knows about addresses, TLS and passwords, and then commands and their answers pass over it as they are.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import cache, partial
from hashlib import sha1

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, InvalidResponse, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

TURN = 0.005  # seconds for a question that was late to be sent, because many others had their turn before

Word = str | bytes | int | float


class Line(asyncio.Protocol):
    """Many questions may be under way; their answers come in the same order. What disturbs it ends the connection.

    So no answer is ever taken for that of another question. One whose asker has gone keeps its place until then.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer  # kept, for it would close the connection on its way out
        self._transport = writer.transport
        self._replies = hiredis.Reader(protocolError=InvalidResponse, replyError=_refusal)
        self._answers: deque[asyncio.Future[object]] = deque()
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    async def read(self, keys: Sequence[str], until: float) -> Sequence[bytes | None]:
        """Give the values of at least one key, by `until` on the event loop's clock. Raises the library's errors."""
        values = await self.ask(("MGET", *keys), until)
        if not isinstance(values, list) or len(values) != len(keys):
            self._fail(InvalidResponse("no list of the values that were asked for"))
            raise InvalidResponse("no list of the values that were asked for")
        return values

    async def run(self, script: str, keys: Sequence[str], args: Sequence[Word], until: float) -> object:
        """Give what a script returns, by `until` on the event loop's clock. Raises the library's errors."""
        words = (len(keys), *keys, *args)
        try:
            return await self.ask(("EVALSHA", _digest(script), *words), until)
        except NoScriptError:  # this Redis does not know it yet
            return await self.ask(("EVAL", script, *words), until)

    async def ask(self, words: Sequence[Word], until: float) -> object:
        """Give the answer to a command, by `until` on the event loop's clock. Raises the library's errors."""
        if not self.is_open:
            raise RedisConnectionError("connection lost")
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._answers.append(answer)
        timer = loop.call_at(until, self._miss, answer)
        self._transport.write(pack(words))
        try:
            return await answer
        finally:
            timer.cancel()

    def _miss(self, answer: asyncio.Future[object], *, again: bool = True) -> None:
        """End it, unless it may be we who were too busy: then the answer comes with the next turn."""
        if answer.done():
            return
        if again:
            asyncio.get_running_loop().call_later(TURN, partial(self._miss, answer, again=False))
        else:
            self._fail(RedisTimeoutError("no answer"))

    def data_received(self, data: bytes) -> None:
        replies: list[object] = []
        try:
            self._replies.feed(data)
            while (reply := self._replies.gets()) is not False:
                replies.append(reply)
        except RedisError as error:
            self._fail(error)
            return
        if len(replies) + self._replies.has_data() > len(self._answers):
            self._fail(InvalidResponse("an answer that nobody asked for"))
            return
        for reply in replies:
            answer = self._answers.popleft()
            if answer.done():
                continue  # its asker has gone
            if isinstance(reply, Exception):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(RedisConnectionError(f"connection lost: {type(error).__name__}"))

    def end(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _fail(self, error: Exception) -> None:
        self.end()
        while self._answers:
            answer = self._answers.popleft()
            if not answer.done():
                answer.set_exception(error)


async def open_line(connection: AbstractConnection, until: float) -> Line:
    """Connect, by `until` on the event loop's clock. Raises the library's errors, `TimeoutError` and `OSError`."""
    return Line(await open_writer(connection, until))


async def open_writer(connection: AbstractConnection, until: float) -> asyncio.StreamWriter:
    """Connect as `open_line` does, for a protocol of ours."""
    try:
        async with asyncio.timeout_at(until):
            await connection.connect()  # type: ignore[no-untyped-call]  # the library's
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    writer, connection._writer = connection._writer, None  # noqa: SLF001  # the library has no other way to hand it over
    if writer is None:
        raise RedisConnectionError("connection lost")
    return writer


@cache
def _digest(script: str) -> str:
    """Name a script as Redis does."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


def pack(words: Sequence[Word]) -> bytes:
    """Write a command as Redis reads it."""
    # An address typed by hand may hold a lone surrogate: that is a miss, not an error.
    encoded = (word.encode("utf-8", "surrogatepass") if isinstance(word, str) else word for word in words)
    packed: bytes = hiredis.pack_command(tuple(encoded))  # type: ignore[arg-type]  # typed as a tuple of one
    return packed


def _refusal(text: str) -> RedisError:
    """Tell a Redis that is still starting, which is as good as away, and a script it does not know from a refusal."""
    if text.startswith("LOADING"):
        return BusyLoadingError(text)
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
