"""The way in and the way out. Everybody may come here; nobody is signed in before the callback says so."""

from typing import Any
from urllib.parse import parse_qsl, quote

import structlog
from litestar import Request, Response, Router, get, post
from litestar.exceptions import NotFoundException, TooManyRequestsException
from msgspec import Struct

from auth import cookies
from auth.clock import utc_now
from auth.errors import Disabled, SignInError
from auth.guards import PUBLIC
from auth.oidc import OidcClient
from auth.own_path import HOME, own_path
from auth.pre_login import LIFETIME
from auth.principals import Anyone, Kind
from auth.provider import MAIN, Provider, SignIn
from auth.providers import Providers
from auth.rate_limit import WINDOW, RateLimit
from auth.sessions import Sessions
from gateway.access import accounts_of, remember, remember_staff
from gateway.audit import Trail
from gateway.drafts import Drafts
from gateway.identity.arrival import Arrivals
from gateway.records.database import Database
from web.caller import address_of
from web.console.desk import STAFF_HOME
from web.redirects import cookie, dropped, see_other
from web.view import render

SIGNED_OUT = "/signed-out"
TITLES: dict[Kind, str] = {"member": "Sign in with your company account", "staff": "Staff sign-in"}

log = structlog.get_logger()


class Door(Struct, frozen=True):
    """A way in, as the page offers it."""

    title: str
    url: str


@get("/sign-in", opt=PUBLIC)
async def show_sign_in(request: Request[Any, Any, Any]) -> Response[str]:
    return _doors(request, _wanted(request))


@get(["/auth/start", "/auth/{provider:str}/start"], opt=PUBLIC)
async def start(request: Request[Any, Any, Any]) -> Response[str]:
    """Send the browser to a provider, with a cookie that the callback will ask for."""
    await _count_try(request)
    oidc = _client(request)
    wanted = _wanted(request)
    try:
        begin = await oidc.begin(STAFF_HOME if oidc.provider.kind == "staff" else wanted)
    except SignInError as error:
        return _problem(request, error, wanted)
    pre_login = cookie(cookies.PRE_LOGIN, begin.cookie, max_age=int(LIFETIME.total_seconds()))
    return see_other(begin.url, pre_login)


@get(["/auth/callback", "/auth/{provider:str}/callback"], opt=PUBLIC)
async def finish(request: Request[Any, Any, Any]) -> Response[str]:
    """Take a provider's answer. Only here a session begins, always a new one.

    Whether it is a member's or staff's is said by our settings of the provider, and by nothing that it answers.
    """
    await _count_try(request)
    oidc = _client(request)
    sessions: Sessions = request.app.state.sessions
    headers = request.scope["headers"]
    answer = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    try:
        sign_in = await oidc.finish(answer, cookies.read(headers, cookies.PRE_LOGIN))
    except SignInError as error:
        return _problem(request, error, HOME)
    begin = _begin_for_staff if oidc.provider.kind == "staff" else _begin_for_member
    try:
        session_id = await begin(request, sign_in, oidc.provider.id)
    except Disabled as error:
        return _problem(request, error, HOME)
    old = cookies.read(headers, cookies.SESSION)  # it is about to be replaced
    await sessions.end(old, address=address_of(request))
    await _take_over_draft(request, old, session_id)
    return see_other(sign_in.return_to, cookie(cookies.SESSION, session_id), dropped(cookies.PRE_LOGIN))


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
    path="/", route_handlers=[show_sign_in, start, finish, sign_out, show_signed_out], include_in_schema=False
)


async def _take_over_draft(request: Request[Any, Any, Any], old: str | None, new: str) -> None:
    """Give back what was written when the session before was over."""
    sessions: Sessions = request.app.state.sessions
    drafts: Drafts = request.app.state.drafts
    before, now = sessions.name_of(old), sessions.name_of(new)
    if before and now:
        await drafts.take_over(before, now)


async def _begin_for_member(request: Request[Any, Any, Any], sign_in: SignIn, provider_id: str) -> str:
    database: Database = request.app.state.database
    sessions: Sessions = request.app.state.sessions
    trail: Trail = request.app.state.trail
    address = address_of(request)
    member_id = await remember(database, sign_in.identity, utc_now(), trail=trail, address=address)
    arrivals: Arrivals = request.app.state.arrivals
    await arrivals.arrive(member_id, sign_in.identity, address)
    accounts = await accounts_of(database, member_id)
    account_id = accounts[0].id if accounts else None
    session_id = await sessions.create(
        member_id, account_id, sign_in.id_token, sign_in.sid, provider_id, address=address
    )
    log.info("signed in", member=member_id)
    return session_id


async def _begin_for_staff(request: Request[Any, Any, Any], sign_in: SignIn, provider_id: str) -> str:
    database: Database = request.app.state.database
    sessions: Sessions = request.app.state.sessions
    trail: Trail = request.app.state.trail
    address = address_of(request)
    staff_id = await remember_staff(
        database, sign_in.identity, utc_now(), role=sign_in.role, trail=trail, address=address
    )
    session_id = await sessions.create_for_staff(staff_id, sign_in.id_token, sign_in.sid, provider_id, address=address)
    log.info("staff signed in", staff=staff_id)
    return session_id


def _client(request: Request[Any, Any, Any]) -> OidcClient:
    """Find the provider that the address names; none is named where there is only the main one."""
    providers: Providers = request.app.state.providers
    oidc = providers.get(request.path_params.get("provider", MAIN))
    if oidc is None:
        raise NotFoundException
    return oidc


async def _count_try(request: Request[Any, Any, Any]) -> None:
    tries: RateLimit = request.app.state.sign_in_tries
    if not await tries.allows(address_of(request)):
        raise TooManyRequestsException(headers={"Retry-After": str(WINDOW)})


def _wanted(request: Request[Any, Any, Any]) -> str:
    """The page that the person was on their way to."""
    return own_path(request.query_params.get("next"))


def _doors(request: Request[Any, Any, Any], wanted: str, error: SignInError | None = None) -> Response[str]:
    providers: Providers = request.app.state.providers
    return render(
        request,
        "signin.html",
        status_code=error.status if error else 200,
        problem=error.sentence if error else None,
        doors=[_door(provider, wanted) for provider in providers.of_kind("member")],
        staff_doors=[_door(provider, HOME) for provider in providers.of_kind("staff")],
    )


def _door(provider: Provider, wanted: str) -> Door:
    path = "/auth/start" if provider.id == MAIN else f"/auth/{provider.id}/start"
    question = "" if wanted == HOME else f"?next={quote(wanted, safe='/')}"
    return Door(provider.title or TITLES[provider.kind], path + question)


def _problem(request: Request[Any, Any, Any], error: SignInError, wanted: str) -> Response[str]:
    log.warning("sign-in failed", reason=error.reason)
    response = _doors(request, wanted, error)
    response.cookies.append(dropped(cookies.PRE_LOGIN))
    return response
