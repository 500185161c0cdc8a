"""One connection on which Redis passes on what is announced. The library opens it, as that of `cache.line`."""

import asyncio
from collections.abc import Callable, Iterable

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import InvalidResponse, RedisError

from cache.line import open_writer, pack

Hear = Callable[[str, bytes | None], None]  # a channel and its message; None: from here on no message is missed

ASK_EVERY = 5.0  # seconds after which a silent connection is asked whether it still lives
SILENT_WITHIN = 10.0  # seconds of silence after which it does not


class Ear(asyncio.Protocol):
    """Gives what it hears to `hear`. Whatever is no announcement and no answer ends the connection."""

    def __init__(self, writer: asyncio.StreamWriter, hear: Hear) -> None:
        self._writer = writer  # kept, for it would close the connection on its way out
        self._transport = writer.transport
        self._hear = hear
        self._replies = hiredis.Reader(protocolError=InvalidResponse)
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._lost = asyncio.Event()
        self._transport.set_protocol(self)

    def follow(self, channels: Iterable[str]) -> None:
        self._say("SUBSCRIBE", channels)

    def leave(self, channels: Iterable[str]) -> None:
        self._say("UNSUBSCRIBE", channels)

    def end(self) -> None:
        """Close at once."""
        self._transport.abort()
        self._lost.set()

    async def until_lost(self) -> None:
        """Return when the connection is no more, or has been silent for too long."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(ASK_EVERY):
                    await self._lost.wait()
            except TimeoutError:
                silent = self._loop.time() - self._heard_at
                if silent > SILENT_WITHIN:
                    self.end()
                elif silent > ASK_EVERY / 2:
                    self._transport.write(pack(("PING",)))

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            self._replies.feed(data)
            while (reply := self._replies.gets()) is not False:
                self._take(reply)
        except RedisError:
            self.end()

    def connection_lost(self, _: Exception | None) -> None:
        self._lost.set()

    def _take(self, reply: object) -> None:
        match reply:
            case [b"message", bytes(channel), bytes(message)]:
                self._hear(channel.decode("utf-8", "surrogatepass"), message)
            case [b"subscribe", bytes(channel), int()]:
                self._hear(channel.decode("utf-8", "surrogatepass"), None)
            case [b"unsubscribe", *_] | [b"pong", *_] | b"PONG":
                return
            case _:
                self.end()

    def _say(self, word: str, channels: Iterable[str]) -> None:
        words = (word, *channels)
        if len(words) > 1 and not self._transport.is_closing():
            self._transport.write(pack(words))


async def open_ear(connection: AbstractConnection, until: float, hear: Hear) -> Ear:
    """Connect, by `until` on the event loop's clock. Raises the library's errors, `TimeoutError` and `OSError`."""
    return Ear(await open_writer(connection, until), hear)
