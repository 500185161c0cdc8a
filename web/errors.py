"""Every failure is a page in plain words, with the right status and without a word of what is inside."""

import secrets
from typing import Any

import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from auth.guards import STANDING, NotForStaff, OtherSession, ReadOnly, RoleTooLow
from auth.principals import StaffPrincipal
from connectors.errors import BadResponse, ConnectorError, NotFound
from gateway.languages import ENGLISH, gettext, gettext_noop, speak
from gateway.records.database import DatabaseDown
from gateway.standing import Standing
from web.again import Again, again
from web.api import problems
from web.portal.acting import account_of
from web.view import render

log = structlog.get_logger()


class TooSoon(TooManyRequestsException):
    """What takes long is done once at a time."""


class Words(Struct, frozen=True):
    """What the page says, before `gettext` looks it up. Staff read English."""

    title: str
    text: str
    link: str = "/"
    link_text: str = gettext_noop("Go to Home")


NOT_FOUND = Words(
    gettext_noop("There is nothing here"), gettext_noop("It may have moved, or it belongs to another account.")
)
NOTHING_FOR_STAFF = Words(
    "There is nothing here", "It may have been removed, or somebody was quicker.", "/staff", "Go to Today"
)
TRY_AGAIN = Words(
    gettext_noop("Our mistake"),
    gettext_noop("Something went wrong on our side. Nothing of yours is lost. Try again in a minute."),
)
AWAY = Words(gettext_noop("We are away for a moment"), gettext_noop("Nothing of yours is lost. Try again in a minute."))
NOT_TAKEN = Words(
    gettext_noop("We could not take that right now"),
    gettext_noop("What you wrote is still here. Send it again in a minute."),
)
LOOK_AGAIN = Words(
    gettext_noop("Look at it once more"),
    gettext_noop(
        "You signed in anew, or went to another account, after you opened that page. Nothing was sent. This is what "
        "you wrote: look at it once more, and send it."
    ),
)
NOT_DONE = Words(
    gettext_noop("We could not do that right now"), gettext_noop("Nothing was changed. Try again in a minute.")
)
CUSTOMERS_ONLY = Words(
    "This page is for customers",
    "You are signed in as staff, and staff are not customers here. "
    "To see what somebody sees, open their account in the console, and choose “View as”.",
    "/staff",
    "Go to the staff page",
)
ROLE_TOO_LOW = Words(
    "Your role does not allow this",
    "Somebody who runs this portal can give you another role, at your sign-in or in Hallway itself.",
    "/staff",
    "Go to the staff page",
)
TOO_SOON = Words(
    gettext_noop("One at a time"),
    gettext_noop("A copy of your data is being made, or was a moment ago. Wait a minute, then try again."),
    "/account#data",
    gettext_noop("Back to Account"),
)
ONLY_LOOKING = Words(
    "Nothing was done",
    "You look at what a customer sees. Nothing can be changed while you do.",
    "/",
    "Look on",
)
BY_REFUSAL: dict[type[HTTPException], Words] = {
    NotForStaff: CUSTOMERS_ONLY,
    RoleTooLow: ROLE_TOO_LOW,
    ReadOnly: ONLY_LOOKING,
    TooSoon: TOO_SOON,
}
# Staff read English, whatever their browser asks for.
FOR_STAFF = (NOTHING_FOR_STAFF, CUSTOMERS_ONLY, ROLE_TOO_LOW, ONLY_LOOKING)
BY_STATUS = {
    400: Words(
        gettext_noop("We could not read that"),
        gettext_noop("The address or the form was not complete. Go back and try again."),
    ),
    403: Words(
        gettext_noop("We did not do that"),
        gettext_noop("The page was open too long, or came from elsewhere. Open it anew and try again."),
    ),
    404: NOT_FOUND,
    405: NOT_FOUND,
    408: Words(gettext_noop("That took too long"), gettext_noop("Your connection may be slow. Try again.")),
    413: Words(gettext_noop("That is too large"), gettext_noop("Send less at a time.")),
    429: Words(
        gettext_noop("Too many tries"),
        gettext_noop("Wait a minute, then try again."),
        "/sign-in",
        gettext_noop("Sign in"),
    ),
}


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[str] | Response[bytes]:
    """What the framework or a guard refused. Bad paths and parameters are simply not found."""
    if request.url.path.startswith("/api/"):
        return problems.on_http_error(request, error)
    status = (
        404
        if isinstance(error, (NotFoundException, ValidationException, MethodNotAllowedException))
        else error.status_code
    )
    if status >= 500:  # noqa: PLR2004
        return on_unexpected(request, error)
    if isinstance(error, OtherSession) and (form := again(request, token=request.user.csrf_token)) and form.shown:
        return _page(request, status, LOOK_AGAIN, form=form)
    words = BY_REFUSAL.get(type(error)) or BY_STATUS.get(status, BY_STATUS[400])
    is_staff = isinstance(request.scope.get("user"), StaffPrincipal)
    if words is NOT_FOUND and is_staff and request.url.path.startswith("/staff/"):
        words = NOTHING_FOR_STAFF
    return _page(request, status, words, headers=error.headers)


def on_connector_error(request: Request[Any, Any, Any], error: ConnectorError) -> Response[str]:
    """A back office that could not give a file or a record; a missing one is not ours to explain."""
    if isinstance(error, NotFound):
        return _page(request, 404, NOT_FOUND)
    log.warning("back office failed a page", error=type(error).__name__, detail=str(error))
    words = Words(
        gettext_noop("We can’t get this right now"),
        gettext_noop(
            "The system that keeps it does not answer. The rest of your pages is not affected. Try again in a minute."
        ),
        request.url.path.partition("/files/")[0],
        gettext_noop("Back"),
    )
    return _page(request, 502 if isinstance(error, BadResponse) else 503, words)


def on_database_down(request: Request[Any, Any, Any], error: DatabaseDown) -> Response[str]:
    """Nobody can tell who asks, or nothing can be written: nothing was done, and it may be tried again."""
    log.error("database away", detail=str(error))
    return _page(request, 503, AWAY, headers={"Retry-After": "5"})


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Whatever nobody thought of: a number for the customer, the traceback for the log."""
    number = secrets.token_hex(4)
    log.error("unexpected error", number=number, error=type(error).__name__, exc_info=error)
    return _page(request, 500, TRY_AGAIN, number=number)


def _page(
    request: Request[Any, Any, Any],
    status: int,
    words: Words,
    *,
    number: str | None = None,
    headers: dict[str, str] | None = None,
    form: Again | None = None,
) -> Response[str]:
    if status >= 500 and (form := again(request)):  # noqa: PLR2004
        words = NOT_TAKEN if form.shown else NOT_DONE
    standing: Standing | None = request.scope.get(STANDING)  # type: ignore[assignment]  # an extension of ours
    if words in FOR_STAFF or (words is LOOK_AGAIN and standing is None):
        speak(ENGLISH)
    try:
        response = render(
            request,
            "error.html",
            status_code=status,
            again=form,
            writes_as=account_of(standing, linked=True) if standing and words is LOOK_AGAIN else None,
            title=gettext(words.title),
            text=gettext(words.text),
            link=words.link,
            link_text=gettext(words.link_text),
            number=number,
        )
    except Exception:
        log.exception("the error page itself failed")
        plain = f"{gettext(words.title)}. {gettext(words.text)}"
        response = Response(plain, status_code=status, media_type=MediaType.TEXT)
    for name, value in (headers or {}).items():
        response.set_header(name, value)
    return response


HANDLERS: ExceptionHandlersMap = {
    HTTPException: on_http_error,
    ConnectorError: on_connector_error,
    DatabaseDown: on_database_down,
    Exception: on_unexpected,
}
