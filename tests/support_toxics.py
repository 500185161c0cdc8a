"""A TCP proxy on loopback that does to a connection what networks do: Toxiproxy's eight toxics, and lost replies.

Its ledger keeps what arrived: every connection, and the first line of every request. While it is `down` nothing
arrives anywhere, so nothing is counted.
"""

import asyncio
import contextlib
import random
import re
import socket
import struct
import time
from collections.abc import AsyncIterator
from typing import Literal

from msgspec import Struct

REQUEST = re.compile(rb"^(?:GET|HEAD|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n", re.MULTILINE)
READ = 64 * 1024
TICK = 0.05  # seconds between looks at whether a toxic was lifted


class Toxic(Struct, frozen=True, kw_only=True):
    """What happens to answers. Sizes are in bytes, times in seconds."""

    kind: Literal[
        "none",
        "latency",  # each piece comes after `seconds`, more or less by `jitter`
        "down",  # nobody listens, and who was connected is no more
        "bandwidth",  # `size` bytes a second
        "slow_close",  # the end comes after `seconds`
        "timeout",  # nothing comes, and after `seconds` the end; 0 means never
        "reset_peer",  # a TCP reset after `seconds`
        "slicer",  # pieces of about `size` bytes, `seconds` apart
        "limit_data",  # the end after `size` bytes
        "lose_reply",  # the request gets through, and its connection ends instead of an answer
    ]
    seconds: float = 0.0
    jitter: float = 0.0
    size: int = 1


NONE = Toxic(kind="none")


class Arrived(Struct, frozen=True):
    at: float  # monotonic seconds
    target: str  # of the request's first line


class ToxicProxy:
    """Stands before one server on loopback. Set `toxic` with `inflict`; it holds for open connections too.

    `answer` is what it answers itself to a request, instead of the server, before it says no more on that connection.
    """

    def __init__(self, target_port: int, rng: random.Random) -> None:
        self._target_port = target_port
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self.toxic = NONE
        self.answer: bytes | None = None
        self.port = 0
        self.connections = 0
        self.requests: list[Arrived] = []

    async def inflict(self, toxic: Toxic) -> None:
        was, self.toxic = self.toxic, toxic
        if toxic.kind == "down" and was.kind != "down":
            await self._shut()
        elif was.kind == "down" and toxic.kind != "down":
            await self._listen()

    async def open(self) -> None:
        await self._listen()

    async def aclose(self) -> None:
        await self._shut()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server:
            self._server.close()
        for link in tuple(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def ended(link: asyncio.Task[None]) -> None:
            self._links.discard(link)
            if link.cancelled():
                writer.transport.abort()  # close() would wait for a client that reads no more
            else:
                writer.close()

        self.connections += 1
        link = asyncio.create_task(self._link(reader, writer))
        self._links.add(link)
        link.add_done_callback(ended)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            return
        directions = [
            asyncio.ensure_future(self._carry_requests(reader, far_writer, writer)),
            asyncio.ensure_future(self._carry_answers(far_reader, writer)),
            asyncio.ensure_future(self._reset(writer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            far_writer.close()  # before anything that could be cancelled
            for each in directions:
                each.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _carry_requests(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(READ):
            now = time.monotonic()
            arrived = [Arrived(now, each[1].decode("latin-1")) for each in REQUEST.finditer(data)]
            self.requests.extend(arrived)
            if self.answer is None:
                far.write(data)
                await far.drain()
                continue
            if arrived and writer.can_write_eof():
                writer.write(self.answer)
                writer.write_eof()  # and read on: closed at once, the rest of the request would make it a reset
                await writer.drain()

    async def _carry_answers(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await far.read(READ):
            toxic = self.toxic
            match toxic.kind:
                case "timeout":
                    await self._hold(toxic)
                    return
                case "lose_reply":
                    return
                case "reset_peer":
                    await self._hold(toxic)
                case "limit_data":
                    data = data[: max(toxic.size - passed, 0)]
                case _:
                    pass
            await self._write(toxic, data, writer)
            passed += len(data)
            if toxic.kind == "limit_data" and passed >= toxic.size:
                return
        if self.toxic.kind == "slow_close":
            await asyncio.sleep(self.toxic.seconds)

    async def _write(self, toxic: Toxic, data: bytes, writer: asyncio.StreamWriter) -> None:
        if toxic.kind == "latency":
            await asyncio.sleep(toxic.seconds + self._rng.uniform(-toxic.jitter, toxic.jitter))
        for piece, pause in self._pieces(toxic, data):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    def _pieces(self, toxic: Toxic, data: bytes) -> list[tuple[bytes, float]]:
        """Cut what is sent, with the pause after each piece."""
        if toxic.kind == "bandwidth":
            step = max(int(toxic.size * TICK), 1)
            return [(data[at : at + step], TICK) for at in range(0, len(data), step)]
        if toxic.kind != "slicer":
            return [(data, 0.0)]
        pieces: list[tuple[bytes, float]] = []
        while data:
            size = self._rng.randint(1, 2 * toxic.size - 1)
            pieces.append((data[:size], toxic.seconds))
            data = data[size:]
        return pieces

    async def _hold(self, toxic: Toxic) -> None:
        """Keep an answer back for as long as the toxic lasts, or its `seconds` if it has any."""
        end = time.monotonic() + (toxic.seconds or float("inf"))
        while self.toxic is toxic and time.monotonic() < end:  # noqa: ASYNC110  # lifted at any time
            await asyncio.sleep(TICK)

    async def _reset(self, writer: asyncio.StreamWriter) -> None:
        """Wait for the toxic that resets, and do so."""
        while self.toxic.kind != "reset_peer":  # noqa: ASYNC110  # inflicted at any time
            await asyncio.sleep(TICK)
        await asyncio.sleep(self.toxic.seconds)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@contextlib.asynccontextmanager
async def toxic_proxy(target_port: int, rng: random.Random) -> AsyncIterator[ToxicProxy]:
    proxy = ToxicProxy(target_port, rng)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.aclose()
