"""The page with the ways in: an address to type, where that helps, and a button for each provider."""

from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request, Response
from litestar.exceptions import TooManyRequestsException
from msgspec import Struct

from auth.errors import SignInError
from auth.own_path import HOME, own_path
from auth.principals import Kind
from auth.provider import MAIN, Provider
from auth.providers import Providers
from auth.rate_limit import WINDOW, RateLimit
from gateway.languages import gettext, gettext_noop, phrase
from gateway.settings import Settings
from gateway.sign_in import USUAL_TITLE
from web.caller import address_of
from web.console.desk import STAFF_HOME
from web.redirects import dropped
from web.refused import sentence_of
from web.view import render

TITLES: dict[Kind, str] = {"member": USUAL_TITLE, "staff": gettext_noop("Staff sign-in")}
STAFF_BY_CODE = "/sign-in?for=staff"

log = structlog.get_logger()


class Door(Struct, frozen=True):
    """A way in, as the page offers it."""

    title: str
    url: str


class Written(Struct, frozen=True, kw_only=True):
    """What somebody typed, and what is wrong with it."""

    address: str = ""
    problem: str | None = None


def show_doors(
    request: Request[Any, Any, Any],
    wanted: str,
    *,
    kind: Kind = "member",
    problem: str | None = None,
    status: int = 200,
    written: Written = Written(),  # noqa: B008  # it never changes
) -> Response[str]:
    """Answer with the page. `problem` is about the sign-in before, `wanted` where they go after this one."""
    providers: Providers = request.app.state.providers
    for_staff = kind == "staff"
    return render(
        request,
        "signin.html",
        status_code=status,
        problem=problem,
        kind=kind,
        wanted=wanted,
        written=written,
        takes_address=takes_address(request, kind),
        sends_codes=sends_codes(request, kind),
        doors=[
            door_of(provider, HOME if for_staff and not is_staffs(wanted) else wanted)
            for provider in providers.of_kind(kind)
        ],
        staff_doors=[] if for_staff else _staff_doors(request),
    )


def show_problem(request: Request[Any, Any, Any], error: SignInError, wanted: str, begun_with: str) -> Response[str]:
    """Say that a sign-in has failed, and forget the cookie that it was begun with."""
    log.warning("sign-in failed", reason=error.reason)
    response = show_doors(request, wanted, problem=sentence_of(error), status=error.status)
    response.cookies.append(dropped(begun_with))
    return response


def door_of(provider: Provider, wanted: str) -> Door:
    path = "/auth/start" if provider.id == MAIN else f"/auth/{provider.id}/start"
    question = "" if wanted == HOME else f"?next={quote(wanted, safe='/')}"
    return Door(phrase(provider.title or TITLES[provider.kind]), path + question)


def sends_codes(request: Request[Any, Any, Any], kind: Kind) -> bool:
    settings: Settings = request.app.state.settings
    return settings.staff_codes if kind == "staff" else settings.takes_codes


def takes_address(request: Request[Any, Any, Any], kind: Kind) -> bool:
    """Whether an address says how somebody signs in."""
    providers: Providers = request.app.state.providers
    return sends_codes(request, kind) or any(each.domains for each in providers.of_kind(kind))


def is_staffs(wanted: str) -> bool:
    """Whether a page is one that only staff may open."""
    return wanted == STAFF_HOME or wanted.startswith((f"{STAFF_HOME}/", f"{STAFF_HOME}?"))


def lets_staff_in(request: Request[Any, Any, Any]) -> bool:
    """Whether staff can sign in here at all."""
    return bool(_staff_doors(request))


def wanted_by(asked: str | None) -> str:
    """Give the page that the person was on their way to."""
    return own_path(asked)


async def count_try(request: Request[Any, Any, Any]) -> None:
    """Raises `TooManyRequestsException`."""
    tries: RateLimit = request.app.state.sign_in_tries
    if not await tries.allows(address_of(request)):
        raise TooManyRequestsException(headers={"Retry-After": str(WINDOW)})


def _staff_doors(request: Request[Any, Any, Any]) -> list[Door]:
    providers: Providers = request.app.state.providers
    found = [door_of(provider, HOME) for provider in providers.of_kind("staff")]
    return [*found, Door(gettext("Staff sign-in by e-mail"), STAFF_BY_CODE)] if sends_codes(request, "staff") else found
