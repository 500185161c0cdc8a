"""The fast lane: Home and its JSON, in front of the application, which has all the rest.

What was answered before is given again while nothing has changed. Else Home is made here, as the application makes it.
Either way each request is checked as the application would: who asks and what they may see by copies of rows that are
ten seconds old at most, and that no snapshot has changed, all in one round trip to Redis. What is not certain falls
through.
"""

from collections.abc import Mapping

import structlog
from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Struct

from auth import cookies
from auth.principals import Principal
from auth.sessions import Sessions
from auth.visitors import principal_of
from cache.client import CacheDown, Client
from cache.snapshots import version_of
from gateway.languages.choosing import Languages
from gateway.offices import Office, Offices
from gateway.records.database import DatabaseDown
from gateway.standing import Standing, Standings
from gateway.usage import Usage
from web.portal.home import HTML, home_page
from web.portal.visit import visit_of
from web.ready import Page, Ready, is_plain
from web.speaking import speak_to

HOME = "/"
HEADERS = [(b"content-type", HTML.encode())]
VIEWED = {HOME: "home", "/api/v1/home": None}  # path -> what is noted as viewed

log = structlog.get_logger()


class Asking(Struct, frozen=True):
    """Who asks and where they stand, the version of their account's snapshots and the sources, all of this moment."""

    who: Principal
    standing: Standing
    version: bytes | None
    offices: Mapping[str, Office]


class Lane:
    """ASGI around the application."""

    def __init__(
        self,
        app: Litestar,
        *,
        ready: Ready,
        redis: Client,
        sessions: Sessions,
        standings: Standings,
        offices: Offices,
        usage: Usage,
        languages: Languages,
    ) -> None:
        self._app = app
        self._ready = ready
        self._redis = redis
        self._sessions = sessions
        self._standings = standings
        self._offices = offices
        self._usage = usage
        self._languages = languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"] in VIEWED and scope["method"] == "GET" and is_plain(scope):
            page = await self._find(scope)
            if page:
                await _send(page, scope, send)
                return
        await self._app(scope, receive, send)

    async def _find(self, scope: HTTPScope) -> Page | None:
        path = scope["path"]
        session = self._sessions.name_of(cookies.read(scope["headers"], cookies.SESSION))
        kept = self._ready.find(session, path) if session else None
        if session is None or (kept is None and path != HOME):
            return None
        asking = await self._recognise(session, kept.standing.account_id if kept else None)
        if asking is None:
            return None
        who, standing = asking.who, asking.standing
        speak_to(who, standing.profile, self._languages, path)
        if kept is None or not self._ready.is_true(kept, standing, asking.version, asking.offices):
            return await self._make(scope, who, standing) if path == HOME else None
        if page := VIEWED[path]:
            self._usage.record("viewed", page, member_id=who.member_id, account_id=who.account_id)
        return kept

    async def _recognise(self, session: str, account: str | None) -> Asking | None:
        """Find out all that an answer depends on. None: the copies do not say it."""
        try:
            copy, standing_copy, version = await self._redis.look_up(
                self._sessions.key(session), self._standings.key(session), version_of(account or "")
            )
            offices = await self._offices.all()
        except CacheDown:
            self._sessions.doubt()
            self._standings.doubt()
            return None
        except DatabaseDown:
            return None
        found = self._sessions.believe(session, copy)
        who = principal_of(found) if found else None
        if not isinstance(who, Principal):
            return None
        standing = self._standings.believe(who, standing_copy)
        return Asking(who, standing, version, offices) if standing else None

    async def _make(self, scope: HTTPScope, who: Principal, standing: Standing) -> Page | None:
        """Make Home for whom we have just recognised. None: the application has words for what went wrong."""
        scope["app"] = scope["litestar_app"] = self._app
        scope["user"] = who
        try:
            page = await home_page(await visit_of(Request(scope), standing))
        except Exception as error:  # noqa: BLE001  # the application tries again, and logs whatever it is
            log.warning("home not made", error=type(error).__name__)
            return None
        return Page(body=page.content, headers=HEADERS)


async def _send(page: Page, scope: HTTPScope, send: Send) -> None:
    is_known = page.etag is not None and (b"if-none-match", page.etag) in scope["headers"]
    status, body = (304, b"") if is_known else (200, page.body)
    headers = [*page.headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
