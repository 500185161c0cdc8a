"""What stands before every route: nothing is open, and nothing can be changed from elsewhere, unless a route says so.

A route says so by `opt`: `PUBLIC` lets anybody in, `FROM_ELSEWHERE` accepts unsafe methods from outside our pages, for
those who prove themselves in another way, `for_staff(role)` lets in staff of that role at least and nobody else. What a
route does not say is refused: without a role, it is for members and nobody else.

One of staff who views as a member gets at a member's pages as an `Onlooker`, by safe methods alone. Meanwhile every
unsafe request of theirs is refused that is not for a page of staff's.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request, Response
from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.plugins import InitPlugin
from litestar.types import ASGIApp, Receive, Scope, Send

from auth import cookies
from auth.cross_site import (
    FIELD,
    FILES,
    SAFE_METHODS,
    WRITTEN,
    TooLarge,
    boundary_of,
    carries_token,
    fields,
    is_form,
    is_from_our_site,
    read_first_field,
    read_form,
    read_words,
    replay,
)
from auth.own_path import HOME, own_path
from auth.principals import VIEW_AS, Anyone, Onlooker, Principal, Role, StaffPrincipal, Viewing, Visiting
from auth.visitors import KEY, Visitors

PUBLIC = {"public": True}
FROM_ELSEWHERE = {"from_elsewhere": True}
BY_ITSELF = {"by_itself": True}  # pages ask for it, and not people: no session lasts longer for it
KEEPS_DRAFT = {"keeps_draft": True}  # what was written is not lost when the session is over
ASKS_FOR_NEWS = b"x-account"  # header of a page that asks for news of itself, which is no use of the session either


def for_staff(least: Role) -> dict[str, Any]:
    """Open a route for staff of this role at least, and for nobody else."""
    return {"staff": least}


DRAFT_KEPT = "draft_kept"  # in the state of a request
STANDING = "standing"  # where the connection keeps who somebody is here whose form is given back

log = structlog.get_logger()


class SignInNeeded(NotAuthorizedException):
    """Nobody is signed in, and the page is for those who are."""


class NotForStaff(PermissionDeniedException):
    """One of staff is signed in, and the page is a customer's."""


class RoleTooLow(PermissionDeniedException):
    """One of staff is signed in, and the page wants a role that they do not have."""


class ReadOnly(PermissionDeniedException):
    """One of staff looks at what a member sees, and tried to do something there."""


class OtherSession(PermissionDeniedException):
    """A page of ours from before the latest sign-in in this browser sent it. `WRITTEN` holds what it said."""


Keep = Callable[[str | None, str, bytes], Awaitable[bool]]  # of a session's cookie, a path and a form; whether it did
StandingOf = Callable[[Principal], Awaitable[object]]


class Protection(InitPlugin):
    """The whole of it, for `Litestar(plugins=[...])`, which looks into the state of the application.

    There are `visitors`, who know the signed-in, and our own `base_url`. `keep_draft` is handed what somebody wrote
    whose session is over, where a route says `KEEPS_DRAFT`; without it nothing is kept. `standing_of` tells a page that
    gives back what was written who the member is.
    """

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.middleware.insert(0, CrossSite())
        app_config.guards.insert(0, let_in)
        app_config.exception_handlers = {SignInNeeded: ask_to_sign_in, **app_config.exception_handlers}
        return app_config


async def let_in(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    scope: Any = connection.scope
    is_safe = scope["method"] in SAFE_METHODS
    is_public, least = handler.opt.get("public") is True, handler.opt.get("staff")
    if is_public and is_safe:
        return
    who = await _visitors_of(scope).recognise(scope, in_use=not _asks_by_itself(scope, handler))
    if isinstance(who, StaffPrincipal) and who.viewing and not is_safe and least is None:
        raise ReadOnly("You only look. Nothing was done.")
    if is_public:
        return
    if who is None:
        raise SignInNeeded
    if least is not None:
        if not isinstance(who, StaffPrincipal):
            raise NotFoundException  # a member need not learn what staff have
        if not who.reaches(least):
            raise RoleTooLow("Your role does not allow this.")
    else:
        visiting = visiting_as(who)
        if visiting is None:
            raise NotForStaff("This is for customers. You are signed in as staff.")
        scope[KEY] = visiting


class CrossSite(ASGIMiddleware):
    """Refuses unsafe requests that a page of ours did not make."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        declared = scope["route_handler"].opt.get("from_elsewhere") is True
        if scope.get("method") not in SAFE_METHODS and not declared:
            receive = await self._check(scope, receive)
        await next_app(scope, receive, send)

    async def _check(self, scope: Scope, receive: Receive) -> Receive:
        headers, state = scope["headers"], scope["litestar_app"].state
        if not is_from_our_site(headers, state.base_url):
            raise self._refused(scope, "not from our site")
        form, given = b"", list[bytes]()
        keep: Keep | None = state.get("keep_draft") if scope["route_handler"].opt.get("keeps_draft") is True else None
        if is_form(headers):
            scope[WRITTEN] = form = await self._read(receive)  # type: ignore[literal-required]  # an extension of ours
            given, receive = fields(form, FIELD), replay(form, receive)
        # Who is not signed in has no token, and nothing that could be used behind their back.
        who = await _visitors_of(scope).recognise(scope)
        boundary = boundary_of(headers)
        if boundary and who:
            given, receive = await self._read_first(receive, boundary)
        elif boundary and keep:
            form, _ = await read_words(receive, boundary)
        if who and not carries_token(headers, given, who.csrf_token):
            await self._note_form(scope, receive, boundary, who)
            raise self._refused(scope, "token", OtherSession)
        if form and not who and keep:
            cookie = cookies.read(headers, cookies.SESSION)
            scope.setdefault("state", {})[DRAFT_KEPT] = await keep(cookie, scope["path"], form)
        return receive

    async def _read(self, receive: Receive) -> bytes:
        try:
            return await read_form(receive)
        except TooLarge as error:
            raise RequestEntityTooLarge from error

    async def _read_first(self, receive: Receive, boundary: str) -> tuple[list[bytes], Receive]:
        try:
            read, given, is_whole = await read_first_field(receive, boundary)
        except TooLarge as error:
            raise RequestEntityTooLarge from error
        return given, replay(read, receive, is_whole=is_whole)

    async def _note_form(self, scope: Any, receive: Receive, boundary: str | None, who: Anyone) -> None:  # noqa: ANN401
        """Keep what was written, for the page that gives it back: to nobody who could not send it."""
        if isinstance(who, StaffPrincipal) is (scope["route_handler"].opt.get("staff") is None):
            scope.pop(WRITTEN, None)
            return
        if boundary:
            scope[WRITTEN], scope[FILES] = await read_words(receive, boundary)
        standing_of: StandingOf | None = scope["litestar_app"].state.get("standing_of")
        if standing_of and isinstance(who, Principal):
            scope[STANDING] = await standing_of(who)

    def _refused(
        self, scope: Scope, reason: str, kind: type[PermissionDeniedException] = PermissionDeniedException
    ) -> PermissionDeniedException:
        log.warning("unsafe request refused", reason=reason, route=str(scope["route_handler"]))
        return kind("This was not sent from one of our pages.")


def _visitors_of(scope: Scope) -> Visitors:
    visitors: Visitors = scope["litestar_app"].state.visitors
    return visitors


def ask_to_sign_in(request: Request[Any, Any, Any], _: SignInNeeded) -> Response[str]:
    """Send a person to the sign-in page and back again afterwards, if they only wanted to look or wrote something."""
    if "hx-request" in request.headers:
        # A piece of a page cannot be replaced by a sign-in page; loading the page anew leads there.
        return Response("", status_code=401, headers={"HX-Refresh": "true"})
    if "text/html" not in request.headers.get("accept", ""):
        return Response("Sign in first.", status_code=401, media_type="text/plain")
    wanted = HOME
    if request.method == "GET":
        wanted = own_path(_address(request.scope))
    elif request.scope.get("state", {}).get(DRAFT_KEPT):
        wanted = own_path(f"{request.url.path}?draft=1")
    question = "" if wanted == HOME else f"?next={quote(wanted, safe='/')}"
    return Response("", status_code=303, headers={"Location": f"/sign-in{question}"})


def visiting_as(who: Anyone | None) -> Visiting | None:
    """Say whose pages open for somebody: a member's own, or of the member whom one of staff looks at."""
    if isinstance(who, StaffPrincipal):
        return _onlooker(who, who.viewing) if who.viewing and who.reaches(VIEW_AS) else None
    return who


def _asks_by_itself(scope: Any, handler: BaseRouteHandler) -> bool:  # noqa: ANN401  # of ASGI
    asks_for_news = scope["method"] == "GET" and any(name == ASKS_FOR_NEWS for name, _ in scope["headers"])
    return asks_for_news or handler.opt.get("by_itself") is True


def _onlooker(who: StaffPrincipal, viewing: Viewing) -> Onlooker:
    return Onlooker(
        staff_id=who.staff_id,
        member_id=viewing.member_id,
        account_id=viewing.account_id,
        csrf_token=who.csrf_token,
        session=who.session,
        provider=who.provider,
        until=viewing.until,
    )


def _address(scope: Scope) -> str:
    """The path and the query as they were sent."""
    query = scope["query_string"].decode("latin-1")
    return scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
