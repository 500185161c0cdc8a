"""The fast lane: Home and its JSON from memory, in front of the application, which has all the rest.

Every answer is checked as the application would: who asks and what they may see by copies of rows that are ten seconds
old at most, and that no snapshot has changed, all in one round trip to Redis. What is not certain falls through.
"""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from auth import cookies
from auth.principals import Principal
from auth.sessions import Sessions
from auth.visitors import principal_of
from cache.client import CacheDown, Client
from cache.snapshots import version_of
from gateway.offices import Offices
from gateway.records.database import DatabaseDown
from gateway.standing import Standings
from gateway.usage import Usage
from web.ready import Answer, Ready, is_plain

VIEWED = {"/": "home", "/api/v1/home": None}  # path -> what is noted as viewed


class Lane:
    """ASGI around the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        ready: Ready,
        redis: Client,
        sessions: Sessions,
        standings: Standings,
        offices: Offices,
        usage: Usage,
    ) -> None:
        self._app = app
        self._ready = ready
        self._redis = redis
        self._sessions = sessions
        self._standings = standings
        self._offices = offices
        self._usage = usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"] in VIEWED and scope["method"] == "GET":
            answer = await self._find(scope)
            if answer:
                await _send(answer, scope, send)
                return
        await self._app(scope, receive, send)

    async def _find(self, scope: HTTPScope) -> Answer | None:
        path = scope["path"]
        cookie = cookies.read(scope["headers"], cookies.SESSION) if is_plain(scope) else None
        session = self._sessions.name_of(cookie)
        answer = self._ready.find(session, path) if session else None
        if session is None or answer is None:
            return None
        who = answer.standing
        try:
            copy, standing_copy, version = await self._redis.look_up(
                self._sessions.key(session), self._standings.key(session), version_of(who.account_id or "")
            )
            offices = await self._offices.all()
        except CacheDown:
            self._sessions.doubt()
            self._standings.doubt()
            return None
        except DatabaseDown:
            return None
        found = self._sessions.believe(session, copy)
        principal = principal_of(found) if found else None
        if not isinstance(principal, Principal):
            return None
        standing = self._standings.believe(principal, standing_copy)
        if standing is None or not self._ready.is_true(answer, standing, version, offices):
            return None
        if page := VIEWED[path]:
            self._usage.record("viewed", page, member_id=principal.member_id, account_id=principal.account_id)
        return answer


async def _send(answer: Answer, scope: HTTPScope, send: Send) -> None:
    is_known = answer.etag is not None and (b"if-none-match", answer.etag) in scope["headers"]
    status, body = (304, b"") if is_known else (200, answer.body)
    headers = [*answer.headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
