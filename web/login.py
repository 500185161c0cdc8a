"""The way in and the way out. Everybody may come here; nobody is signed in before the callback says so."""

from typing import Any
from urllib.parse import parse_qsl, quote

import structlog
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import TooManyRequestsException

from auth import cookies
from auth.client_address import client_address
from auth.clock import utc_now
from auth.errors import SignInError
from auth.guards import PUBLIC
from auth.oidc import OidcClient
from auth.own_path import HOME, own_path
from auth.pre_login import LIFETIME
from auth.rate_limit import WINDOW, RateLimit
from auth.sessions import Sessions
from gateway.access import accounts_of, remember
from gateway.records.database import Database
from web.view import render

SIGNED_OUT = "/signed-out"

log = structlog.get_logger()


@get("/sign-in", opt=PUBLIC)
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[str]:
    return render(request, "signin.html", problem=None, start_url=_start_url(_wanted(request)))


@get("/auth/start", opt=PUBLIC)
async def start(request: Request[Any, Any, Any]) -> Response[str]:
    """Send the browser to the provider, with a cookie that the callback will ask for."""
    await _count_try(request)
    oidc: OidcClient = request.app.state.oidc
    wanted = _wanted(request)
    try:
        begin = await oidc.begin(wanted)
    except SignInError as error:
        return _problem(request, error, wanted)
    pre_login = _cookie(cookies.PRE_LOGIN, begin.cookie, max_age=int(LIFETIME.total_seconds()))
    return _see_other(begin.url, pre_login)


@get("/auth/callback", opt=PUBLIC)
async def finish(request: Request[Any, Any, Any]) -> Response[str]:
    """Take the provider's answer. Only here a session begins, always a new one."""
    await _count_try(request)
    oidc: OidcClient = request.app.state.oidc
    sessions: Sessions = request.app.state.sessions
    database: Database = request.app.state.database
    headers = request.scope["headers"]
    answer = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    try:
        sign_in = await oidc.finish(answer, cookies.read(headers, cookies.PRE_LOGIN))
    except SignInError as error:
        return _problem(request, error, HOME)
    member_id = await remember(database, sign_in.identity, utc_now())
    accounts = await accounts_of(database, member_id)
    account_id = accounts[0].id if accounts else None
    session_id = await sessions.create(member_id, account_id, sign_in.id_token, sign_in.sid)
    await sessions.end(cookies.read(headers, cookies.SESSION))  # its cookie is about to be replaced
    log.info("signed in", member=member_id)
    return _see_other(sign_in.return_to, _cookie(cookies.SESSION, session_id), _dropped(cookies.PRE_LOGIN))


@post("/sign-out", opt=PUBLIC)
async def sign_out(request: Request[Any, Any, Any]) -> Response[str]:
    """End the session here, then at the provider."""
    if request.scope.get("user") is None:  # it had ended before
        return _see_other(SIGNED_OUT, _dropped(cookies.SESSION))
    oidc: OidcClient = request.app.state.oidc
    sessions: Sessions = request.app.state.sessions
    id_token = await sessions.end(cookies.read(request.scope["headers"], cookies.SESSION))
    url = await oidc.logout_url(id_token.reveal() if id_token else None)
    return _see_other(url or SIGNED_OUT, _dropped(cookies.SESSION))


@get(SIGNED_OUT, opt=PUBLIC)
async def show_signed_out(request: Request[Any, Any, Any]) -> Response[str]:
    return render(request, "signed_out.html")


LOGIN = Router(
    path="/", route_handlers=[show_sign_in, start, finish, sign_out, show_signed_out], include_in_schema=False
)


async def _count_try(request: Request[Any, Any, Any]) -> None:
    tries: RateLimit = request.app.state.sign_in_tries
    peer = request.client.host if request.client else ""
    if not await tries.allows(client_address(peer, request.scope["headers"])):
        raise TooManyRequestsException(headers={"Retry-After": str(WINDOW)})


def _wanted(request: Request[Any, Any, Any]) -> str:
    """The page that the person was on their way to."""
    return own_path(request.query_params.get("next"))


def _start_url(wanted: str) -> str:
    return "/auth/start" if wanted == HOME else f"/auth/start?next={quote(wanted, safe='/')}"


def _problem(request: Request[Any, Any, Any], error: SignInError, wanted: str) -> Response[str]:
    log.warning("sign-in failed", reason=error.reason)
    response = render(
        request, "signin.html", status_code=error.status, problem=error.sentence, start_url=_start_url(wanted)
    )
    response.cookies.append(_dropped(cookies.PRE_LOGIN))
    return response


def _see_other(url: str, *kept: Cookie) -> Response[str]:
    return Response("", status_code=303, headers={"Location": url}, cookies=list(kept))


def _cookie(name: str, value: str, max_age: int | None = None) -> Cookie:
    return Cookie(key=name, value=value, max_age=max_age, **cookies.ATTRIBUTES)


def _dropped(name: str) -> Cookie:
    return _cookie(name, "", max_age=0)
