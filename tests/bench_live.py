"""B9: how long after the answer to a webhook an open page hears of the change, with a thousand pages open.

The list that has changed is read again between the two. What that takes, asked for directly, is left out.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from statistics import median, quantiles

from bench_cold import MILLISECOND, SECRET, Cold, cold_world, get, pages
from bench_report import QUICK, Finding
from bench_server import PORTAL, running
from bench_slow import DELAYS

from connectors.records import Kind

KIND: Kind = "orders"  # of which the source is the quickest
EACH = 5  # pages that each customer has open
HOOKS = 50 if QUICK else 300
HEARD_WITHIN = 30.0  # seconds, or there is something wrong
CHANGED = b"event: changed"


class OpenPage(asyncio.Protocol):
    """A stream as a browser holds it."""

    def __init__(self, port: int, cookie: str) -> None:
        self._request = (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n"
        )
        self._heard_at = 0.0
        self._bell = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        if CHANGED in data:
            self._heard_at = time.perf_counter()
            self._bell.set()

    async def hears(self, after: float) -> float:
        """Give when it was told of a change, after a certain time."""
        async with asyncio.timeout(HEARD_WITHIN):
            while self._heard_at <= after:
                self._bell.clear()
                await self._bell.wait()
        return self._heard_at


def open_pages() -> Iterator[tuple[str, Finding]]:
    with cold_world() as built, running(PORTAL, built.environ | {"HALLWAY_WORKERS": "1"}) as portal:
        late = asyncio.run(webhooks(portal.port, built))
    many = EACH * len(built.cookies)
    what = f"from a webhook's answer to the event at an open page, {many} open, less the read between: p50"
    yield "B9a", Finding(what=what, value=median(late), at_most=10, unit="ms")
    yield "B9b", Finding(what=f"{what[:-3]}p99", value=quantiles(late, n=100)[98], at_most=50, unit="ms")


async def webhooks(port: int, built: Cold) -> list[float]:
    """Open all pages, change one list after the other, and give the milliseconds that each took."""
    for start in range(0, len(built.cookies), 20):
        await pages(port, built.cookies[start : start + 20])
    opened = [await asyncio.gather(*(open_page(port, cookie) for _ in range(EACH))) for cookie in built.cookies]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    late = []
    for turn in range(HOOKS):
        number = turn % len(built.cookies)
        began = time.perf_counter()
        await get(built.ports[KIND], f"/{KIND}?customer={number}", "")
        read = time.perf_counter() - began
        answered = await tell(reader, writer, port, number)
        soonest = answered + DELAYS[KIND] / 2  # what is told before is of something else
        heard = [await page.hears(soonest) for page in opened[number]]
        late.append((max(heard) - answered - read) / MILLISECOND)
    for theirs in opened:
        for page in theirs:
            page.transport.abort()
    writer.close()
    return late


async def open_page(port: int, cookie: str) -> OpenPage:
    loop = asyncio.get_running_loop()
    _, page = await loop.create_connection(lambda: OpenPage(port, cookie), "127.0.0.1", port)
    await page.hears(0)  # it did not say what it shows, so it is told at once
    return page


async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, customer: int) -> float:
    """Send a webhook and give when it was answered."""
    body = json.dumps({"customer": str(customer)})
    head = f"POST /hooks/{KIND}?key={SECRET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write((head + body).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    answered = time.perf_counter()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"a webhook was answered {answer[:200]!r}")
    return answered
