"""The way in and the way out. Everybody may come here; nobody is signed in before the callback says so."""

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request, Response, Router, get, post
from litestar.exceptions import NotFoundException

from auth import cookies
from auth.errors import SignInError
from auth.guards import PUBLIC
from auth.oidc import OidcClient
from auth.own_path import HOME
from auth.pre_login import LIFETIME
from auth.principals import Anyone, Kind
from auth.provider import MAIN
from auth.providers import Providers
from auth.sessions import Sessions
from web.caller import address_of
from web.console.desk import STAFF_HOME
from web.doors import count_try, is_staffs, lets_staff_in, sends_codes, show_doors, show_problem, wanted_by
from web.entering import enter
from web.redirects import cookie, dropped, see_other
from web.sign_in_codes import SIGN_IN_CODES
from web.view import render

SIGNED_OUT = "/signed-out"


@get("/sign-in", opt=PUBLIC)
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[str]:
    asks_for_staff = request.query_params.get("for") == "staff" and sends_codes(request, "staff")
    wanted = _wanted(request)
    kind: Kind = "staff" if asks_for_staff or (is_staffs(wanted) and lets_staff_in(request)) else "member"
    return show_doors(request, wanted, kind=kind)


@get(["/auth/start", "/auth/{provider:str}/start"], opt=PUBLIC)
async def start(request: Request[Any, Any, Any]) -> Response[str]:
    """Send the browser to a provider, with a cookie that the callback will ask for."""
    await count_try(request)
    oidc = _client(request)
    wanted = _wanted(request)
    try:
        is_lost = oidc.provider.kind == "staff" and not is_staffs(wanted)
        begin = await oidc.begin(STAFF_HOME if is_lost else wanted)
    except SignInError as error:
        return show_problem(request, error, wanted, cookies.PRE_LOGIN)
    pre_login = cookie(cookies.PRE_LOGIN, begin.cookie, max_age=int(LIFETIME.total_seconds()))
    return see_other(begin.url, pre_login)


@get(["/auth/callback", "/auth/{provider:str}/callback"], opt=PUBLIC)
async def finish(request: Request[Any, Any, Any]) -> Response[str]:
    """Take a provider's answer. Only here a session begins, always a new one.

    Whether it is a member's or staff's is said by our settings of the provider, and by nothing that it answers.
    """
    await count_try(request)
    oidc = _client(request)
    answer = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    try:
        sign_in = await oidc.finish(answer, cookies.read(request.scope["headers"], cookies.PRE_LOGIN))
        return await enter(
            request,
            oidc.provider.kind,
            sign_in.identity,
            provider=oidc.provider.id,
            return_to=sign_in.return_to,
            begun_with=cookies.PRE_LOGIN,
            id_token=sign_in.id_token,
            sid=sign_in.sid,
            role=sign_in.role,
        )
    except SignInError as error:
        return show_problem(request, error, HOME, cookies.PRE_LOGIN)


@post("/sign-out", opt=PUBLIC)
async def sign_out(request: Request[Any, Any, Any]) -> Response[str]:
    """End the session here, then at the provider that it began at.

    The way there is a page of its own that goes on by itself: as a redirect it would be a form that leads elsewhere,
    which the content policy forbids.
    """
    who: Anyone | None = request.scope.get("user")
    if who is None:  # it had ended before
        return see_other(SIGNED_OUT, dropped(cookies.SESSION))
    providers: Providers = request.app.state.providers
    sessions: Sessions = request.app.state.sessions
    old = cookies.read(request.scope["headers"], cookies.SESSION)
    id_token = await sessions.end(old, address=address_of(request))
    oidc = providers.get(who.provider)
    url = await oidc.logout_url(id_token.reveal() if id_token else None) if oidc else None
    if url is None:
        return see_other(SIGNED_OUT, dropped(cookies.SESSION))
    response = render(request, "signing_out.html", url=url)
    response.set_header("Refresh", f"0; url={url}")
    response.cookies.append(dropped(cookies.SESSION))
    return response


@get(SIGNED_OUT, opt=PUBLIC)
async def show_signed_out(request: Request[Any, Any, Any]) -> Response[str]:
    return render(request, "signed_out.html", deleted=request.query_params.get("login") == "deleted")


LOGIN = Router(
    path="/",
    route_handlers=[show_sign_in, start, finish, sign_out, show_signed_out, *SIGN_IN_CODES],
    include_in_schema=False,
)


def _client(request: Request[Any, Any, Any]) -> OidcClient:
    """Find the provider that the address names; none is named where there is only the main one."""
    providers: Providers = request.app.state.providers
    oidc = providers.get(request.path_params.get("provider", MAIN))
    if oidc is None:
        raise NotFoundException
    return oidc


def _wanted(request: Request[Any, Any, Any]) -> str:
    """The page that the person was on their way to."""
    return wanted_by(request.query_params.get("next"))
