"""What a process does that is about to stop: it answers everybody, and lets nobody come to rely on it."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from web.streams import LEAVING

NOT_READY = b'{"status":"stopping"}'


class LastAnswers:
    """ASGI that ends each connection with its next answer once `is_leaving`.

    A client that keeps connections would else send its next request into one that we are closing. An answer that goes
    on and on finds in its scope by what to see that it is time to end.
    """

    def __init__(self, app: ASGIApp, is_leaving: Callable[[], bool]) -> None:
        self._app = app
        self._is_leaving = is_leaving

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != ScopeType.HTTP:
            return self._app(scope, receive, send)
        cast("dict[str, Any]", scope)[LEAVING] = self._is_leaving
        if self._is_leaving():
            return self._answer_last(scope, receive, send)
        return self._app(scope, receive, send)

    async def _answer_last(self, scope: Scope, receive: Receive, send: Send) -> None:
        def and_close(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            return send(message)

        if scope["path"] == "/readyz":
            await _say_not_ready(and_close)
        else:
            await self._app(scope, receive, and_close)


async def _say_not_ready(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(NOT_READY))]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": NOT_READY, "more_body": False})
