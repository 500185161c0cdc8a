"""A back office as raw bytes on loopback: what arrives is kept as it came, what is answered is any bytes at all."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Arrival:
    """A request as it came over the wire. `connection` counts from 1."""

    line: bytes
    headers: dict[str, str]  # lower-case names
    body: bytes
    connection: int

    @property
    def target(self) -> str:
        return self.line.split(b" ")[1].decode("ascii")


Answer = Callable[[Arrival, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """`closed` counts connections that the caller has closed."""

    url: str
    arrivals: list[Arrival] = field(default_factory=list)
    connections: int = 0
    closed: int = 0


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Write a whole answer. Underscores in header names become hyphens."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(*answers: bytes) -> Answer:
    """Answer with these bytes in turn, the last one for ever. Empty bytes hang up without an answer."""
    queue = list(answers)

    async def answer(arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        data = queue.pop(0) if len(queue) > 1 else queue[0]
        writer.write(data)
        if not data:
            writer.close()

    return answer


async def _arrival(reader: asyncio.StreamReader, connection: int) -> Arrival:
    line, *rest = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    pairs = (text.decode("latin-1").split(": ", 1) for text in rest if text)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Arrival(line, headers, body, connection)


@contextlib.asynccontextmanager
async def upstream(answer: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """Serve on a free port. An answer that closes its writer ends the connection; else the next request is awaited."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        seen.connections += 1
        number = seen.connections
        try:
            while not writer.is_closing():
                arrival = await _arrival(reader, number)
                seen.arrivals.append(arrival)
                await answer(arrival, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.closed += 1
        except asyncio.CancelledError:  # the test is over; Python 3.11 would log it
            writer.transport.abort()  # close() would wait for a client that reads no more
        finally:
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    seen = Upstream(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    try:
        yield seen
    finally:
        server.close()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()
