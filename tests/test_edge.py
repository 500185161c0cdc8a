"""The same edge in this process: how many requests may wait, and how much may come with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar.exceptions import HTTPException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Message, Receive, Scope, Send

from web import body
from web.body import Cap, CutShort, TooSlow
from web.edge import Edge
from web.last_answers import LastAnswers
from web.portal import files

BASE = "https://portal.example"
HOST = (b"host", b"portal.example")
OK: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b"", "more_body": False},
]


class Call:
    """One request and what came of it."""

    def __init__(self, path: str = "/", *headers: tuple[bytes, bytes], method: str = "GET", parts: Any = ()) -> None:
        self.scope: Any = {"type": "http", "method": method, "path": path, "headers": [HOST, *headers]}
        self.sent: list[Message] = []
        self._parts = list(parts)

    async def receive(self) -> Any:
        if self._parts:
            return self._parts.pop(0)
        return await asyncio.Event().wait()

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def to(self, app: Any) -> int:
        await app(self.scope, self.receive, self.send)
        return self.status

    @property
    def status(self) -> int:
        return next((message["status"] for message in self.sent if message["type"] == "http.response.start"), 0)

    def header(self, name: bytes) -> bytes | None:
        return next(
            (value for message in self.sent for key, value in cast("Any", message).get("headers", ()) if key == name),
            None,
        )


def part(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def post(path: str, length: int, *parts: Any) -> Call:
    return Call(path, (b"content-length", b"%d" % length), method="POST", parts=parts)


class App:
    """Answers when it is let; remembers what it read, or why it could not."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.read: bytes | Exception = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/body"):
            try:
                while (message := await receive())["more_body"]:  # type: ignore[typeddict-item]
                    self.read += message["body"]  # type: ignore[typeddict-item,operator]
                self.read += message["body"]  # type: ignore[typeddict-item,operator]
            except HTTPException as error:
                self.read = error
        elif scope["path"] == "/raise":
            raise LookupError
        else:
            await self.may_answer.wait()
        await send(OK[0])
        if scope["path"] == "/stream":
            await asyncio.Event().wait()
        await send(OK[1])


async def test_refuses_at_once_what_would_only_wait_and_still_answers_probes() -> None:
    app = App()
    edge = Edge(app, base_url=BASE, most_underway=2)
    first = [asyncio.create_task(Call().to(edge)) for _ in range(2)]
    await asyncio.sleep(0)
    late = Call()
    assert await late.to(edge) == 503
    assert late.header(b"retry-after") == b"1"
    probe = asyncio.create_task(Call("/healthz").to(edge))
    await asyncio.sleep(0)
    app.may_answer.set()
    assert await asyncio.gather(*first, probe) == [200, 200, 200]
    assert edge.underway == 0
    assert await Call().to(edge) == 200


async def test_counts_no_request_whose_answer_has_begun() -> None:
    app = App()
    app.may_answer.set()
    edge = Edge(app, base_url=BASE, most_underway=1)
    stream = asyncio.create_task(Call("/stream").to(edge))
    await asyncio.sleep(0)
    assert await Call().to(edge) == 200
    stream.cancel()


async def test_counts_no_request_that_failed() -> None:
    edge = Edge(App(), base_url=BASE, most_underway=1)
    for _ in range(3):
        with pytest.raises(LookupError):
            await Call("/raise").to(edge)
    assert edge.underway == 0


async def test_reads_a_body_in_pieces() -> None:
    app = App()
    call = post("/body", 4, part(b"ab", more=True), part(b"cd", more=True), part(b"", more=False))
    assert await call.to(Edge(app, base_url=BASE)) == 200
    assert app.read == b"abcd"
    assert call.header(b"connection") is None


@pytest.mark.parametrize(("path", "expected"), [("/body", 413), ("/body/file", 200), ("/files/body", 413)])
async def test_lets_some_paths_take_more(path: str, expected: int) -> None:
    edge = Edge(App(), base_url=BASE, body_caps={"/body/file": Cap(200_000)})
    call = post(path, 100_000, part(b"a" * 100_000, more=False))
    assert await call.to(edge) == expected


async def test_counts_what_does_not_tell_its_length() -> None:
    app = App()
    call = Call(
        "/body",
        (b"transfer-encoding", b"Chunked"),
        method="POST",
        parts=[*[part(b"a" * 40_000, more=True)] * 2, part(b"", more=False)],
    )
    await call.to(Edge(app, base_url=BASE))
    assert isinstance(app.read, RequestEntityTooLarge)
    assert call.header(b"connection") == b"close"


async def test_tells_a_body_that_ended_early_from_one_that_is_there() -> None:
    app = App()
    await post("/body", 4, part(b"ab", more=True), {"type": "http.disconnect"}).to(Edge(app, base_url=BASE))
    assert isinstance(app.read, CutShort)


async def test_gives_a_body_so_long_in_all_and_not_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_WITHIN", 0.05)
    monkeypatch.setattr(body, "LEFT_WITHIN", 0.01)
    app = App()
    call = post("/body", 4, part(b"ab", more=True))
    await call.to(Edge(app, base_url=BASE))
    assert isinstance(app.read, TooSlow)
    assert call.header(b"connection") == b"close"


@pytest.mark.parametrize("is_leaving", [True, False])
async def test_ends_connections_only_while_it_leaves(is_leaving: bool) -> None:  # noqa: FBT001  # a parameter
    app = App()
    app.may_answer.set()
    leaving = LastAnswers(app, lambda: is_leaving)
    page, ready = Call(), Call("/readyz")
    assert await page.to(leaving) == 200
    assert page.header(b"connection") == (b"close" if is_leaving else None)
    assert await ready.to(leaving) == (503 if is_leaving else 200)


async def test_ends_a_file_that_somebody_reads_too_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WITHIN", -1)
    given = []

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(3):
            given.append(number)
            yield b"x"

    class Visit:
        is_open = False

        @asynccontextmanager
        async def file(self, *_: str) -> AsyncIterator[Any]:
            self.is_open = True
            try:
                yield SimpleNamespace(chunks=chunks(), media_type="application/pdf", name="a.pdf")
            finally:
                self.is_open = False

        def note(self, *_: str) -> None:
            """Nothing is noted."""

    visit: Any = Visit()
    stream = await files.stream_file(visit, "invoices", "erp", "1", "pdf")
    reading = cast("AsyncIterator[bytes]", stream.iterator)
    assert await anext(reading) == b"x"
    with pytest.raises(TimeoutError):
        await anext(reading)
    assert given == [0]
    assert not visit.is_open
