"""Just enough ASGI: one request, one answer, and apps side by side."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Request(Struct, frozen=True, kw_only=True):
    """`path` is below the prefix the app is mounted at, `base` is the address of that prefix."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base: str

    @property
    def params(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)


class Response(Struct, frozen=True):
    """`changed`: something was made or changed, where neither method nor status tells."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    changed: bool = False


Answer = Callable[[Request], Response]
AsyncAnswer = Callable[[Request], Awaitable[Response]]


def as_json(value: object, status: int = 200, content_type: str = "application/json; charset=utf-8") -> Response:
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), (("content-type", content_type),))


def as_html(text: str, status: int, *headers: tuple[str, str]) -> Response:
    page = f"<!doctype html>\n<html lang=en>\n<title>{text}</title>\n<h1>{text}</h1>\n"
    return Response(status, page.encode(), (("content-type", "text/html; charset=utf-8"), *headers))


def asgi(answer: AsyncAnswer) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(await _request(scope, receive))
        headers = [(name.encode(), value.encode()) for name, value in response.headers]
        headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    return app


def mount(apps: Mapping[str, App]) -> App:
    """Serve each app under its own first path segment."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        prefix = scope["path"].split("/", 2)[1]
        await apps.get(prefix, _nothing_here)({**scope, "root_path": f"/{prefix}"}, receive, send)

    return app


async def _request(scope: Scope, receive: Receive) -> Request:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    root = scope.get("root_path", "")
    return Request(
        method=scope["method"],
        path=scope["path"].removeprefix(root),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        base=f"{scope['scheme']}://{headers.get('host', 'localhost')}{root}",
    )


async def _not_found(_: Request) -> Response:
    return as_html("404 Not Found", 404)


_nothing_here = asgi(_not_found)
