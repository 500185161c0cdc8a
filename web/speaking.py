"""In which language a request is answered. Who signs in may have chosen another than their browser asks for."""

from collections.abc import Awaitable, Iterable

from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from auth import cookies
from auth.principals import Onlooker, Visiting
from gateway.languages import language, speak, speaking
from gateway.languages.choosing import Languages
from gateway.profile import Profile
from web.redirects import cookie, dropped

ENGLISH_ONLY = (
    "/staff",
    "/static/",
    "/hooks/",
    "/api/",
    "/healthz",
    "/readyz",
    "/metrics",
)  # for staff, and for programs
WORDED = b"text/html"
YEAR = 365 * 24 * 3600  # seconds


class Speaking:
    """ASGI that finds the language of each request, and says so in the answer."""

    def __init__(self, app: ASGIApp, languages: Languages) -> None:
        self._app = app
        self._languages = languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(ENGLISH_ONLY):
            await self._app(scope, receive, send)
            return

        def and_say(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _told(list(message["headers"]))}
            return send(message)

        with speaking(language_of(scope["headers"], self._languages)):
            await self._app(scope, receive, and_say)


def language_of(headers: Iterable[tuple[bytes, bytes]], languages: Languages) -> str:
    """Find what a browser wants: what was chosen in it, else what it asks for."""
    headers = list(headers)
    return languages.of(cookies.read(headers, cookies.LANGUAGE)) or asked_of(headers, languages)


def asked_of(headers: Iterable[tuple[bytes, bytes]], languages: Languages) -> str:
    """Find what a browser asks for, whoever has chosen another language in it before."""
    asked = b",".join(value for name, value in headers if name == b"accept-language")
    return languages.wanted(asked.decode("latin-1"))


def remembered(code: str | None) -> Cookie:
    """Let a browser remember what was chosen, for pages that do not know who asks. None: forget it."""
    return cookie(cookies.LANGUAGE, code, max_age=YEAR) if code else dropped(cookies.LANGUAGE)


def speak_to(who: Visiting, profile: Profile, languages: Languages, path: str) -> None:
    """Go on in the language of whoever has signed in. Staff who look on read what the member reads."""
    if path.startswith(ENGLISH_ONLY):
        return
    code = languages.of(profile.language)
    if isinstance(who, Onlooker):
        code = code or languages.of(profile.language_seen) or languages.default
    if code:
        speak(code)


def _told(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Say on what an answer depends, and in which language it is where it is in words."""
    vary = [value for name, value in headers if name == b"vary"]
    told = [header for header in headers if header[0] != b"vary"]
    told.append((b"vary", b", ".join([*vary, b"Accept-Language"])))
    if any(name == b"content-type" and value.startswith(WORDED) for name, value in headers):
        told.append((b"content-language", language().encode()))
    return told
