"""What a status means to us, in the words of `connectors.errors`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from connectors.errors import (
    AccessDenied,
    BadResponse,
    ConnectorError,
    NotAllowed,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
    Unavailable,
)

LONGEST_WAIT = 3600.0  # seconds; a back office that asks for more is asked again after this

_MEANINGS: Mapping[int, type[ConnectorError]] = {
    400: Refused,
    401: AccessDenied,
    403: NotAllowed,
    404: NotFound,
    408: Unavailable,
    409: Refused,
    410: NotFound,
    422: Refused,
    429: RateLimited,
}


class Redirected(BadResponse):
    """Sent on elsewhere. `location` is as it was answered; it may hold a token, so the text leaves it out."""

    def __init__(self, detail: str, location: str) -> None:
        super().__init__(detail)
        self.location = location


def question(request: httpx.Request) -> str:
    """Name a request for an operator. The query stays out: it may hold tokens and customers' words."""
    return f"{request.method} {request.url.copy_with(query=None, fragment=None)}"[:200]


def raise_for_status(response: httpx.Response, now: datetime) -> None:
    """Raise what an answer means, from its status alone, unless that is a 2xx."""
    if response.is_success:
        return
    status = response.status_code
    if location := response.extensions.get("location"):
        raise Redirected(f"{question(response.request)}: answered {status}", location)
    kind = _MEANINGS.get(status, Unavailable if response.is_server_error else BadResponse)
    wait = retry_after(response.headers.get("Retry-After", ""), now) if kind.retry else None
    raise kind(f"{question(response.request)}: answered {status}", retry_after=wait)


def retry_after(value: str, now: datetime) -> float | None:
    """Read a Retry-After header, in seconds from `now`. None where there is none or it makes no sense."""
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    wait = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return min(max(wait, 0.0), LONGEST_WAIT)


@contextmanager
def wire_errors(request: httpx.Request) -> Iterator[None]:
    """Name what httpx raises when a request cannot be written, or no whole answer arrives."""
    try:
        yield
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
        raise BadResponse(f"{question(request)}: not sent, we made no legal HTTP of it") from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NotSent(f"{question(request)}: not sent, {str(error) or type(error).__name__}") from error
    except httpx.TransportError as error:
        raise Unavailable(f"{question(request)}: {str(error) or type(error).__name__}") from error
