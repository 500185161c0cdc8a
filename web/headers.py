"""What every answer carries, whoever made it: errors, files, redirects and unknown paths too."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

PROBES = {"/healthz", "/readyz"}  # asked by address, from the machine itself
FOREVER = "public, max-age=31536000, immutable"


def content_policy(form_targets: Iterable[str]) -> str:
    """Nothing inline, nothing from elsewhere. `form_targets`: origins that a form's answer may redirect to."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            " ".join(("form-action 'self'", *form_targets)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class SecureHeaders:
    """ASGI around the whole application. Refuses a foreign Host, and adds what a handler did not set itself."""

    def __init__(self, app: ASGIApp, *, base_url: str, form_targets: Iterable[str] = ()) -> None:
        self._app = app
        base = urlsplit(base_url)
        self._host = base.netloc.encode()
        self._headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": content_policy(form_targets),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if base.scheme == "https":
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["path"] not in PROBES and not self._is_ours(scope):
            await _refuse(with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _is_ours(self, scope: Scope) -> bool:
        return [value for name, value in scope["headers"] if name == b"host"] == [self._host]


async def _refuse(send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}
    )
    await send({"type": "http.response.body", "body": b"This address is not served here.\n", "more_body": False})
