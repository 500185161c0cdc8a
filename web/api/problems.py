"""Errors of the API, as RFC 9457 writes them: `application/problem+json`."""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from auth.guards import NotForStaff, SignInNeeded
from connectors.errors import ConnectorError, NotFound
from gateway.records.database import DatabaseDown

PROBLEM = "application/problem+json"

log = structlog.get_logger()


class Problem(Struct, frozen=True, omit_defaults=True):
    """`title` is the same for all problems of one status; `detail` is for the reader of this one."""

    status: int
    title: str
    detail: str = ""
    type: str = "about:blank"


NOT_FOUND = Problem(404, "Not found", "There is no such thing in this account.")
TITLES = {400: "Bad request", 401: "Not signed in", 403: "Refused", 405: "Not allowed", 429: "Too many requests"}


DOCUMENTED = {
    status: ResponseSpec(Problem, generate_examples=False, description=title, media_type=PROBLEM)
    for status, title in (
        (400, TITLES[400]),
        (401, TITLES[401]),
        (403, TITLES[403]),
        (404, NOT_FOUND.title),
        (503, "Not available now"),
    )
}


class BadQuery(Exception):  # noqa: N818  # says what is the matter
    """A parameter that means nothing. The text names it."""


def answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=PROBLEM, headers=headers)


def on_sign_in_needed(_: Request[Any, Any, Any], __: SignInNeeded) -> Response[bytes]:
    return answer(Problem(401, TITLES[401], "Sign in to the portal first."))


def on_http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    match error:
        case NotFoundException():
            return answer(NOT_FOUND)
        case ValidationException():
            return answer(_invalid(error))
        case NotForStaff():
            return answer(Problem(403, TITLES[403], error.detail))
        case MethodNotAllowedException():
            return answer(Problem(405, TITLES[405]), error.headers)
        case _:
            return answer(Problem(error.status_code, TITLES.get(error.status_code, "Error")), error.headers)


def on_bad_query(_: Request[Any, Any, Any], error: BadQuery) -> Response[bytes]:
    return answer(Problem(400, TITLES[400], str(error)))


def on_connector_error(_: Request[Any, Any, Any], error: ConnectorError) -> Response[bytes]:
    if isinstance(error, NotFound):
        return answer(NOT_FOUND)
    log.warning("back office failed an answer", error=type(error).__name__, detail=str(error))
    return answer(Problem(503, "Not available now", "The system that keeps it does not answer."), {"Retry-After": "5"})


def on_database_down(_: Request[Any, Any, Any], error: DatabaseDown) -> Response[bytes]:
    log.error("database away", detail=str(error))
    return answer(Problem(503, "Not available now", "Try again in a minute."), {"Retry-After": "5"})


def on_unexpected(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("unexpected error", error=type(error).__name__, exc_info=error)
    return answer(Problem(500, "Our mistake", "Nothing of yours is lost."))


def _invalid(error: ValidationException) -> Problem:
    """A path that cannot name a record is not found; a parameter is named, without its value."""
    extra = error.extra if isinstance(error.extra, list) else []
    keys = sorted({str(problem.get("key")) for problem in extra if problem.get("source") != "path"})
    named = [key for key in keys if key not in {"source", "record"}]
    return Problem(400, TITLES[400], f"These parameters mean nothing here: {', '.join(named)}.") if named else NOT_FOUND


HANDLERS: ExceptionHandlersMap = {
    SignInNeeded: on_sign_in_needed,
    HTTPException: on_http_error,
    BadQuery: on_bad_query,
    ConnectorError: on_connector_error,
    DatabaseDown: on_database_down,
    Exception: on_unexpected,
}
