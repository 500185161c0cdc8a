"""Signing in by e-mail: an address leads to its provider or to a code, which is taken in the browser that asked.

Whatever is sent here, the answer is the same whether we know the address or not. Looking at a link changes nothing.
"""

from typing import Annotated, Any
from urllib.parse import quote

import structlog
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath

from auth import cookies
from auth.code_limits import CodeLimits
from auth.errors import Disabled, StartAgain
from auth.guards import PUBLIC
from auth.mailbox import PROVIDER, identity_of
from auth.own_path import HOME
from auth.principals import Kind
from auth.providers import Providers
from auth.rate_limit import WINDOW
from gateway.identity.mailboxes import LONGEST, folded, is_plain
from gateway.languages import gettext, gettext_noop, language, ngettext
from gateway.sign_in_codes.devices import device_of, said
from gateway.sign_in_codes.digits import read_code
from gateway.sign_in_codes.rows import LIFETIME
from gateway.sign_in_codes.taking import Asked, Codes, Entered, Wish, Wrong
from web.caller import address_of
from web.console.desk import STAFF_HOME
from web.doors import Written, count_try, door_of, sends_codes, show_doors, show_problem, takes_address, wanted_by
from web.entering import enter
from web.redirects import cookie, see_other
from web.view import render

SIGN_IN = "/sign-in"
CODE = "/sign-in/code"
NO_ADDRESS = gettext_noop("That is no e-mail address that we can write to.")
CHOOSE = gettext_noop("Choose below how you sign in.")
TOO_MANY = gettext_noop("Too many codes were asked for. Use the one that you have, or try again later.")
NO_CODE = gettext_noop("A code has eight digits.")
NOT_LISTENING = gettext_noop(
    "We take no typed codes at present. Press the button in the mail instead, in this browser."
)
LAST_WRONG = gettext_noop("That was wrong too often. Ask for a new code.")
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
Answer = Response[str]

log = structlog.get_logger()


@post("/sign-in/address", opt=PUBLIC)
async def ask(request: Request[Any, Any, Any], data: Form) -> Answer:
    """Take an address: lead to its provider, or note that a code is wanted. The worker sees who that is."""
    await count_try(request)
    kind: Kind = "staff" if data.get("for") == "staff" else "member"
    wanted = STAFF_HOME if kind == "staff" else wanted_by(data.get("next"))
    if not takes_address(request, kind):
        raise NotFoundException
    typed = data.get("address", "").strip()
    written = Written(address=typed[:LONGEST], problem=gettext(NO_ADDRESS))
    if not is_plain(typed):
        return show_doors(request, wanted, kind=kind, status=422, written=written)
    providers: Providers = request.app.state.providers
    provider = providers.for_address(typed) if kind == "member" else None
    if provider:
        return see_other(f"/sign-in/with/{provider.id}{_next(wanted)}")
    if not sends_codes(request, kind):
        return show_doors(
            request, wanted, kind=kind, status=422, problem=gettext(CHOOSE), written=Written(address=typed)
        )
    return await _ask(request, typed, kind, wanted)


@get("/sign-in/address", opt=PUBLIC)
async def lead_back() -> Answer:
    """Lead back who reloads an answer."""
    return see_other(SIGN_IN)


@get("/sign-in/with/{provider:str}", opt=PUBLIC)
async def go_on(request: Request[Any, Any, Any], provider: FromPath[str]) -> Answer:
    """Go on to a provider by itself: as the answer to a form it would lead elsewhere, which our policy forbids."""
    providers: Providers = request.app.state.providers
    found = next((each for each in providers.of_kind("member") if each.id == provider), None)
    if found is None:
        raise NotFoundException
    door = door_of(found, wanted_by(request.query_params.get("next")))
    response = render(request, "sign_in_leading.html", door=door)
    response.set_header("Refresh", f"0; url={door.url}")
    return response


@get(CODE, opt=PUBLIC)
async def show_code(request: Request[Any, Any, Any]) -> Answer:
    codes: Codes = request.app.state.codes
    asked = await codes.under_way(_cookie(request))
    return _code_page(request, asked) if asked else see_other(SIGN_IN)


@post(CODE, opt=PUBLIC)
async def take(request: Request[Any, Any, Any], data: Form) -> Answer:
    """Take a code that was typed."""
    await count_try(request)
    codes: Codes = request.app.state.codes
    limits: CodeLimits = request.app.state.code_limits
    asked = await codes.under_way(_cookie(request))
    if asked is None:
        return show_problem(request, StartAgain("no code under way"), HOME, cookies.CODE)
    code = read_code(data.get("code", ""))
    if code is None:
        return _code_page(request, asked, gettext(NO_CODE), status=422)
    if not await limits.listens(address_of(request)):
        log.warning("too many wrong codes")
        return _code_page(request, asked, gettext(NOT_LISTENING), status=429)
    taken = await codes.take(_cookie(request), code)
    if isinstance(taken, Wrong):
        await limits.note_wrong(address_of(request))
        log.warning("sign-in failed", reason="wrong code")
        return _wrong(request, asked, taken)
    return await _enter(request, taken)


@get("/sign-in/link/{token:str}", opt=PUBLIC)
async def show_link(request: Request[Any, Any, Any], token: FromPath[str]) -> Answer:
    """Ask whether they mean it, or say where the link works."""
    codes: Codes = request.app.state.codes
    found = await codes.of_link(_cookie(request), token)
    device = said(found.device) if found else None
    is_here = isinstance(found, Asked)
    return render(request, "sign_in_link.html", found=found, is_here=is_here, device=device, token=token)


@post("/sign-in/link/{token:str}", opt=PUBLIC)
async def take_link(request: Request[Any, Any, Any], token: FromPath[str]) -> Answer:
    await count_try(request)
    codes: Codes = request.app.state.codes
    return await _enter(request, await codes.take_link(_cookie(request), token))


SIGN_IN_CODES = (ask, lead_back, go_on, show_code, take, show_link, take_link)


async def _ask(request: Request[Any, Any, Any], typed: str, kind: Kind, wanted: str) -> Answer:
    codes: Codes = request.app.state.codes
    limits: CodeLimits = request.app.state.code_limits
    address = folded(typed)
    if not await limits.allow(address_of(request), address):
        written = Written(address=typed)
        response = show_doors(request, wanted, kind=kind, status=429, problem=gettext(TOO_MANY), written=written)
        response.set_header("Retry-After", str(WINDOW))
        return response
    device = device_of(request.headers.get("user-agent", ""))
    wish = Wish(address=address, kind=kind, return_to=wanted, device=device, language=language())
    new = await codes.ask(wish, _cookie(request))
    return see_other(CODE, cookie(cookies.CODE, new, max_age=int(LIFETIME.total_seconds())))


async def _enter(request: Request[Any, Any, Any], entered: Entered | None) -> Answer:
    if entered is None:
        return show_problem(request, StartAgain("code or link not good here"), HOME, cookies.CODE)
    identity = identity_of(entered.mailbox)
    try:
        return await enter(
            request,
            entered.kind,
            identity,
            provider=PROVIDER,
            return_to=entered.return_to,
            begun_with=cookies.CODE,
        )
    except Disabled as error:
        return show_problem(request, error, HOME, cookies.CODE)


def _wrong(request: Request[Any, Any, Any], asked: Asked, wrong: Wrong) -> Answer:
    if not wrong.left:
        return show_doors(request, asked.return_to, kind=asked.kind, status=422, problem=gettext(LAST_WRONG))
    problem = ngettext(
        "That is not the code. You can try once more.",
        "That is not the code. You can try {n} more times.",
        wrong.left,
    )
    return _code_page(request, asked, problem, status=422)


def _code_page(
    request: Request[Any, Any, Any], asked: Asked, problem: str | None = None, *, status: int = 200
) -> Answer:
    has_mailbox = request.app.state.mails.mailbox is not None  # a demo
    return render(
        request, "sign_in_code.html", status_code=status, asked=asked, problem=problem, has_mailbox=has_mailbox
    )


def _cookie(request: Request[Any, Any, Any]) -> str | None:
    return cookies.read(request.scope["headers"], cookies.CODE)


def _next(wanted: str) -> str:
    return "" if wanted == HOME else f"?next={quote(wanted, safe='/')}"
