"""What every answer carries, whoever made it: errors, files, redirects and unknown paths too."""

from collections.abc import Awaitable
from functools import lru_cache
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

FOREVER = "public, max-age=31536000, immutable"


# Nothing inline, nothing from elsewhere, and no form whose answer leads elsewhere.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class SecureHeaders:
    """ASGI around the whole application. Adds what a handler did not set itself."""

    def __init__(self, app: ASGIApp, *, base_url: str) -> None:
        self._app = app
        self._headers = [
            (b"cache-control", b"no-store"),
            (b"content-security-policy", CONTENT_POLICY.encode()),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
        ]
        if urlsplit(base_url).scheme == "https":
            self._headers.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
        self._missing = lru_cache(maxsize=256)(self._find_missing)  # there are few ways to answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        def with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                headers += self._missing(tuple([name for name, _ in headers]))
                message = {**message, "headers": headers}
            return send(message)

        await self._app(scope, receive, with_headers)

    def _find_missing(self, names: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
        set_already = {name.lower() for name in names}
        return [header for header in self._headers if header[0] not in set_already]
