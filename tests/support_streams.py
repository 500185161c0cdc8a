"""Streams of changes as a browser opens them, byte by byte, and what a stream must never be without."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from msgspec import Struct

from auth import cookies
from auth.clock import utc_now
from cache.client import Client
from cache.snapshots import Snapshot, Snapshots

PATIENCE = 20.0  # seconds, for machines that are busy
QUIET = 0.5  # seconds after which what has not come is taken not to come


class Told(Struct, frozen=True):
    """An event. `id` is the mark of what there is to see now."""

    name: str
    id: str = ""


class OpenStream:
    """One stream over a connection of its own. Use it as a context."""

    def __init__(self, base_url: str, session: str | None, since: str = "", **headers: str) -> None:
        place = urlsplit(base_url)
        self._place = place
        sent = {
            "Host": place.netloc,
            "Accept": "text/event-stream",
            "Sec-Fetch-Site": "same-origin",
            **({"Cookie": f"{cookies.SESSION}={session}"} if session else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"GET /live?since={since} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self.status = 0
        self.head: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._place.hostname, self._place.port)
        self._writer.write(self._request)
        try:
            head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode().split("\r\n")
        except BaseException:
            self._writer.transport.abort()
            raise
        self.status = int(head[0].split()[1])
        self.head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def chunk(self, patience: float = PATIENCE) -> str | None:
        """Give the next piece as it was sent, None at the end. Raises `ConnectionError` where it breaks off."""
        async with asyncio.timeout(patience):
            line = await self._reader.readline()
            if not line:
                raise ConnectionResetError("the stream broke off")
            size = int(line, 16)
            piece = await self._reader.readexactly(size + 2)
        return piece[:-2].decode() if size else None

    async def next(self, patience: float = PATIENCE) -> Told | None:
        """Give the next event, None at the end. Signs of life are left out. Raises `TimeoutError`."""
        async with asyncio.timeout(patience):
            while (piece := await self.chunk(patience)) is not None:
                fields = dict(line.split(": ", 1) for line in piece.strip().splitlines() if ": " in line)
                if "event" in fields:
                    return Told(fields["event"], fields.get("id", ""))
        return None

    async def is_quiet(self, seconds: float = QUIET) -> bool:
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False


class Hearing:
    """What an application in this process says to an open page. `text` is all of it."""

    def __init__(self) -> None:
        self.text = b""

    @property
    def changes(self) -> int:
        return self.text.count(b"event: changed")


@asynccontextmanager
async def hearing(app: Any, base_url: str, session: str) -> AsyncIterator[Hearing]:
    """Open a stream without a server in between, and close it as a browser does that goes away."""
    heard, asked, gone = Hearing(), asyncio.Event(), asyncio.Event()
    headers = [(b"host", urlsplit(base_url).netloc.encode()), (b"accept", b"text/event-stream")]
    headers.append((b"cookie", f"{cookies.SESSION}={session}".encode()))

    async def receive() -> dict[str, Any]:
        if not asked.is_set():
            asked.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        heard.text += message.get("body", b"")

    scope = {"type": "http", "method": "GET", "path": "/live", "raw_path": b"/live", "query_string": b""}
    scope |= {"headers": headers, "scheme": "https", "http_version": "1.1", "root_path": "", "client": ("127.0.0.1", 1)}
    answering = asyncio.create_task(app(scope, receive, send))
    try:
        yield heard
    finally:
        gone.set()
        await asyncio.wait_for(answering, PATIENCE)


async def change(redis: Client, account: str) -> None:
    """Do as a process does that has read something new of an account."""
    snapshot = Snapshot(owner=account, fetched_at=utc_now(), payload=b"something")
    assert await Snapshots(redis).put(f"something:{secrets.token_hex(8)}", snapshot, timedelta(minutes=1))
