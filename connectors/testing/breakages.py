"""The ways in which an answer goes wrong, and the error that each must become."""

from collections.abc import Iterator, Mapping
from typing import NoReturn

import httpx
from msgspec import Struct

from connectors import errors
from connectors.errors import ConnectorError
from connectors.testing.far_end import Breakage, Pieces, answer
from connectors.testing.recordings import Exchange, RecordedResponse

FLOOD = 40_000_000  # bytes: more than any answer may have
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}
SIGN_IN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>" + b" " * 2000 + b"</body></html>"


class Failure(Struct, frozen=True):
    breakage: Breakage
    raises: type[ConnectorError]
    retry_after: float | None = None  # seconds


def status(code: int, **headers: str) -> Breakage:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, exchange: answer(code, HTML | named, SIGN_IN_PAGE)  # noqa: ARG005  # a Breakage


def body(content: bytes, headers: Mapping[str, str] = JSON) -> Breakage:
    return lambda request, exchange: answer(200, dict(headers), content)  # noqa: ARG005  # a Breakage


def given(recorded: RecordedResponse) -> Breakage:
    return lambda request, exchange: answer(recorded.status, recorded.headers, recorded.content)  # noqa: ARG005  # a Breakage


def wire(error: type[httpx.TransportError]) -> Breakage:
    def breakage(request: httpx.Request, exchange: Exchange) -> NoReturn:  # noqa: ARG001  # a Breakage
        raise error("broken on purpose", request=request)

    return breakage


def cut_off(request: httpx.Request, exchange: Exchange) -> httpx.Response:  # noqa: ARG001  # a Breakage
    """Half of the answer. Of a file nobody could tell, so a file becomes one of a wrong kind."""
    content = exchange.response.content
    half = content[: len(content) // 2] if exchange.response.is_json else b'{"half":'
    return answer(200, JSON, half)


def flood(request: httpx.Request, exchange: Exchange) -> httpx.Response:  # noqa: ARG001  # a Breakage
    """The answer with a sea in its middle."""
    content = exchange.response.content
    middle = len(content) // 2

    def pieces() -> Iterator[bytes]:
        yield content[:middle]
        for _ in range(FLOOD // 65_536):
            yield b"A" * 65_536
        yield content[middle:]

    return httpx.Response(200, headers=exchange.response.headers, stream=Pieces(pieces()))


FAILURES: Mapping[str, Failure] = {
    "400": Failure(status(400), errors.Refused),
    "401": Failure(status(401), errors.AccessDenied),
    "403": Failure(status(403), errors.AccessDenied),
    "404": Failure(status(404), errors.NotFound),
    "409": Failure(status(409), errors.Refused),
    "422": Failure(status(422), errors.Refused),
    "429": Failure(status(429, retry_after="7"), errors.RateLimited, retry_after=7.0),
    "429 without a word": Failure(status(429), errors.RateLimited),
    "500": Failure(status(500), errors.Unavailable),
    "502": Failure(status(502), errors.Unavailable),
    "503": Failure(status(503, retry_after="3"), errors.Unavailable, retry_after=3.0),
    "301 elsewhere": Failure(status(301, location="https://elsewhere.example/"), errors.BadResponse),
    "302 to the sign-in page": Failure(status(302, location="/login"), errors.BadResponse),
    "307 elsewhere": Failure(status(307, location="https://elsewhere.example/"), errors.BadResponse),
    "204": Failure(lambda request, exchange: answer(204, {}, b""), errors.BadResponse),  # noqa: ARG005  # a Breakage
    "HTML": Failure(body(SIGN_IN_PAGE, HTML), errors.BadResponse),
    "nothing": Failure(body(b""), errors.BadResponse),
    "null": Failure(body(b"null"), errors.BadResponse),
    "a list": Failure(body(b"[]"), errors.BadResponse),
    "an object": Failure(body(b"{}"), errors.BadResponse),
    "a text": Failure(body(b'"text"'), errors.BadResponse),
    "a number": Failure(body(b"42"), errors.BadResponse),
    "half of it": Failure(cut_off, errors.BadResponse),
    "a flood": Failure(flood, errors.BadResponse),
    "no connection": Failure(wire(httpx.ConnectError), errors.Unavailable),
    "no answer in time": Failure(wire(httpx.ReadTimeout), errors.Unavailable),
    "a broken connection": Failure(wire(httpx.RemoteProtocolError), errors.Unavailable),
}
