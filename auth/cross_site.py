"""Whether a request that changes something was made by a page of ours, by the person whose session it uses.

Two independent proofs, whatever the content type: the browser says that the request comes from this site, and the
request carries the token that only the session's own pages contain. https://web.dev/articles/fetch-metadata
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from auth.same import same

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HEADER = b"x-csrf-token"
FIELD = "_token"
FORM = b"application/x-www-form-urlencoded"
MAX_FORM_BYTES = 64 * 1024
MAX_FIELDS = 1000
WRITTEN = "written"  # where the connection keeps the form, as it came, for whoever has to give it back

Headers = Iterable[tuple[bytes, bytes]]
Message = Any  # frameworks type it in ways that fit no mapping
Receive = Callable[[], Awaitable[Message]]


class TooLarge(Exception):  # noqa: N818  # says what is the matter
    """A form with more than `MAX_FORM_BYTES`."""


def is_from_our_site(headers: Headers, origin: str) -> bool:
    """Go by Sec-Fetch-Site, which no page can forge; by Origin where a browser is too old to send it.

    Origin alone would refuse our own forms: with `Referrer-Policy: no-referrer` browsers send it as `null`.
    """
    sites = list(_values(headers, b"sec-fetch-site"))
    if sites:
        return sites in ([b"same-origin"], [b"none"])
    return list(_values(headers, b"origin")) == [origin.encode()]


def is_form(headers: Headers) -> bool:
    types = [value.partition(b";")[0].strip().lower() for value in _values(headers, b"content-type")]
    return types == [FORM]


async def read_form(receive: Receive) -> bytes:
    """Read a body to its end. Raises `TooLarge` as soon as it is."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_FORM_BYTES:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Let the next reader find the body that was read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def carries_token(headers: Headers, form: bytes, expected: str) -> bool:
    """Whether the session's token came along, once, in the header or as a field of the form."""
    given = [*_values(headers, HEADER), *fields(form, FIELD)]
    return len(given) == 1 and same(given[0], expected)


def _values(headers: Headers, name: bytes) -> Iterator[bytes]:
    return (value for key, value in headers if key == name)


def fields(form: bytes, name: str) -> list[bytes]:
    """Give each value of a field. Bytes are read as latin-1, which any are: other fields may hold what they like."""
    try:
        text = form.decode("latin-1")
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS)
    except ValueError:
        return []
    return [value.encode("latin-1") for key, value in pairs if key == name]
