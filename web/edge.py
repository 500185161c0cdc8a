"""What every request must be before a page sees it: for our host, framed in one way, and no longer than it may be.

Plain ASGI around the whole application. The server reads headers within its own limits (see gateway/serve.py); bodies
are capped and timed here, as they are read, so that nobody holds memory or a page by sending slowly.
"""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from gateway.languages import gettext, gettext_noop
from web.body import Body, Cap

PROBES = {"/healthz", "/readyz", "/metrics"}  # asked by address, from the machine itself
NO_BODY = {"GET", "HEAD"}
NUL = b"%00"
FORM = Cap(64 * 1024)
MOST_UNDERWAY = 512  # requests in one process that have no answer yet
PORTS = {"http": 80, "https": 443}

BUSY = gettext_noop("We are busy. Try again in a moment.")
NOT_OURS = gettext_noop("This address is not served here.")
NO_PAGE_WITH_BODY = gettext_noop("A request for a page comes without a body.")
TOO_LARGE = gettext_noop("That is too large. Send less at a time.")
UNREADABLE = gettext_noop("This request is not written in a way that we read.")


class Edge:
    """ASGI that refuses what no page should see.

    `body_caps` says how much may be sent to paths that begin in a certain way; elsewhere it is `FORM`.
    `too_large` is told the path of what says at once that it is longer.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        base_url: str,
        body_caps: Mapping[str, Cap] | None = None,
        most_underway: int = MOST_UNDERWAY,
        too_large: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._app = app
        self._host, self._hosts = _hosts(base_url)
        self._body_caps = tuple((body_caps or {}).items())
        self._most_underway = most_underway
        self._too_large = too_large
        self.underway = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        host, hosts, length, chunked = b"", 0, b"", b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
                hosts += 1
            elif name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                chunked += value.lower()
        path = scope["path"]
        if NUL in scope.get("query_string", b""):  # nobody's text has it, and PostgreSQL takes none
            scope["query_string"] = scope["query_string"].replace(NUL, b"+")
        if hosts != 1 or (host != self._host and host.lower() not in self._hosts and path not in PROBES):
            await _refuse(send, 400, NOT_OURS)
        elif self.underway >= self._most_underway and path not in PROBES:
            await _refuse(send, 503, BUSY, (b"retry-after", b"1"))
        elif chunked or (length and length != b"0"):
            await self._with_body(scope, receive, send, length, chunked)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(self, send)
        try:
            await self._app(scope, receive, answer)
        finally:
            answer.begin()

    async def _with_body(self, scope: HTTPScope, receive: Receive, send: Send, length: bytes, chunked: bytes) -> None:
        cap = next((cap for start, cap in self._body_caps if scope["path"].startswith(start)), FORM)
        body = Body(receive, send, cap)
        if chunked not in {b"", b"chunked"}:
            await _refuse(body.send, 400, UNREADABLE)
        elif scope["method"] in NO_BODY:
            await _refuse(body.send, 400, NO_PAGE_WITH_BODY)
        elif not chunked and int(length) > cap.most:
            if self._too_large:
                await self._too_large(scope["path"])
            await _refuse(body.send, 413, TOO_LARGE)
        else:
            await self._answer(scope, body.receive, body.send)


class _Answer:
    """Counts as under way until it begins: what follows waits for nothing but the network."""

    __slots__ = ("_edge", "_has_begun", "_send")

    def __init__(self, edge: Edge, send: Send) -> None:
        self._edge = edge
        self._send = send
        self._has_begun = False
        edge.underway += 1

    def __call__(self, message: Message) -> Awaitable[None]:
        self.begin()
        return self._send(message)

    def begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._edge.underway -= 1


def _hosts(base_url: str) -> tuple[bytes, set[bytes]]:
    """Give our host as browsers send it, and every way in which it may be written."""
    base = urlsplit(base_url)
    host = base.netloc.encode()
    return host, {host} if base.port else {host, b"%b:%d" % (host, PORTS[base.scheme])}


async def _refuse(send: Send, status: int, text: str, *more: tuple[bytes, bytes]) -> None:
    body = f"{gettext(text)}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
