"""GET /live: tells an open page that something of its account has changed. The page then asks for itself again.

Nothing of a customer's is told here, only that it is time to look; what there is to see is decided where every page
is made. A stream follows the account of its session and no other: its address names none.
"""

import asyncio
import hashlib
import math
import random
from typing import Any, cast

import msgspec
from litestar import Request, get
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from auth.guards import BY_ITSELF, visiting_as
from auth.principals import Visiting
from auth.sessions import Sessions
from auth.visitors import Visitors
from cache.client import CacheDown, Client
from cache.live import Follower, Live
from cache.snapshots import version_of
from gateway.access import Scope as Sight
from gateway.records.database import DatabaseDown
from gateway.standing import Standings
from web.streams import LEAVING, Full, Streams

MEDIA_TYPE = "text/event-stream"
LIFETIME = 3600.0  # seconds; then the browser connects again, maybe to another process
BEAT = (12.0, 18.0)  # seconds between signs of life; whether the session lives is asked at each
UNSURE_FOR = (0.5, 1.5)  # seconds until another look where Redis did not answer
RIGHTS_EVERY = 4  # beats between looks at the rights, for changes of which nothing was announced
RETRY = (2000, 5000)  # milliseconds until a browser connects again
HEADERS = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # or nginx would keep events to itself
]
BEGIN = {"type": "http.response.start", "status": 200, "headers": HEADERS}
MARK_PLACE = "\ue0c0\ue0df"  # where the mark stands in a page that is not finished
SIGN_OF_LIFE = b":\n\n"
ENDED = b"event: ended\ndata:\n\n"


def mark_of(version: bytes | None, sight: Sight | None) -> str:
    """Name what a page is made of: the version of the account's records, and what the member may see of them."""
    rights = [sight.account_id, sight.rights, sight.links, sorted(map(str, sight.persons))] if sight else None
    seen = msgspec.json.encode(rights, order="deterministic")
    return hashlib.blake2b((version or b"") + b"\n" + seen, digest_size=12).hexdigest()


class LivePages(Struct, frozen=True, kw_only=True):
    """What streams need to know, beside who asks."""

    live: Live
    redis: Client
    visitors: Visitors
    sessions: Sessions
    standings: Standings
    streams: Streams


@get("/live", opt=BY_ITSELF, include_in_schema=False)
async def follow(request: Request[Visiting, Any, Any]) -> ASGIApp:
    """Begin a stream. `since`, or the browser's Last-Event-ID, is the mark of what the page shows."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise PermissionDeniedException
    if request.user.account_id is None:
        raise NotFoundException
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        return ASGIResponse(body="Only for pages of ours.\n", status_code=406, media_type="text/plain")
    seen = str(request.headers.get("last-event-id") or request.query_params.get("since", ""))
    return Stream(request.app.state.live_pages, request.user, request.user.account_id, seen)


class Stream:
    """One answer that goes on while the page is open."""

    def __init__(self, pages: LivePages, who: Visiting, account: str, seen: str) -> None:
        self._pages = pages
        self._who = who
        self._told = seen
        self._version_key = version_of(account)
        self._session_key = pages.sessions.key(who.session.hex())
        self._rights_key = pages.standings.key(who.session.hex())
        self._version: bytes | None = None  # None: not known yet
        self._unsure = False  # whether it is still that one
        self._sight: Sight | None = None
        self._knows_sight = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            raise NotFoundException
        try:
            with (
                self._pages.live.following(self._version_key, self._session_key, self._rights_key) as follower,
                self._pages.streams.place(self._who, follower, cast("dict[str, Any]", scope).get(LEAVING)),
            ):
                await self._until_gone(follower, scope, receive, send)
        except Full as full:
            refusal = ASGIResponse(
                body="Too many open pages.\n",
                status_code=full.status,
                media_type="text/plain",
                headers={"Retry-After": str(full.after)},
            )
            await refusal(scope, receive, send)

    async def _until_gone(self, follower: Follower, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until the stream ends or the browser has gone, whichever is first; nothing of it stays."""
        telling = asyncio.create_task(self._tell(follower, scope["headers"], send))
        going = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((telling, going), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, going):
                task.cancel()
            await asyncio.gather(telling, going, return_exceptions=True)
        if not telling.cancelled():
            telling.result()

    async def _tell(self, follower: Follower, headers: Any, send: Send) -> None:  # noqa: ANN401  # of ASGI
        async def say(text: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": more})

        clock = asyncio.get_running_loop().time
        ends_at = clock() + LIFETIME * random.uniform(0.9, 1.0)  # noqa: S311  # so that not all come again at once
        await send(BEGIN)  # type: ignore[arg-type]  # a literal of its type
        await say(b"retry: %d\n\n" % random.randint(*RETRY))  # noqa: S311
        await self._look_at_rights()
        beats, beat_at = 0, _next_beat(clock())
        while not self._pages.streams.is_leaving and clock() < ends_at:
            news = await follower.wait(min(beat_at, clock() + random.uniform(*UNSURE_FOR)) if self._unsure else beat_at)  # noqa: S311
            is_beat = clock() >= beat_at
            if is_beat:
                beats, beat_at = beats + 1, _next_beat(clock())
            if (is_beat or news.get(self._session_key)) and not await self._is_signed_in(headers):
                await say(ENDED, more=False)
                return
            if news.get(self._rights_key) or (is_beat and beats % RIGHTS_EVERY == 0) or not self._knows_sight:
                await self._look_at_rights()
            if is_beat or self._unsure or self._version_key in news:
                await self._look_at_version(news.get(self._version_key), is_beat=is_beat)
            if self._has_changed():
                await say(b"id: %b\nevent: changed\ndata:\n\n" % self._told.encode())
            elif is_beat:
                await say(SIGN_OF_LIFE)
        await say(b"", more=False)

    def _has_changed(self) -> bool:
        """Say whether the page shows something else than there is, as far as that is known, and take note of it."""
        if self._version is None or not self._knows_sight:
            return False
        before, self._told = self._told, mark_of(self._version, self._sight)
        return self._told != before

    async def _is_signed_in(self, headers: Any) -> bool:  # noqa: ANN401  # of ASGI
        """Ask as for a page, without use of the session. Whoever acts for another account now is somebody else."""
        try:
            return visiting_as(await self._pages.visitors.find(headers, in_use=False)) == self._who
        except DatabaseDown:
            return True  # nobody can tell, and no page opens either

    async def _look_at_rights(self) -> None:
        try:
            self._sight = (await self._pages.standings.of(self._who)).scope
        except DatabaseDown:
            return
        self._knows_sight = True

    async def _look_at_version(self, announced: bytes | None, *, is_beat: bool) -> None:
        """Take what was announced, or else look.

        Where Redis has lost all it knew, open pages look again as well, but each at its own beat and not all at once.
        """
        if announced is None:
            try:
                (announced,) = await self._pages.redis.look_up(self._version_key)
            except CacheDown:
                self._unsure = True
                return
        self._unsure = False
        if announced is not None or is_beat:
            self._version = announced or b""


def _next_beat(now: float) -> float:
    """Let the streams whose beat falls into one second share their questions."""
    return math.ceil(now + random.uniform(*BEAT))  # noqa: S311


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
