"""Whether a request that changes something was made by a page of ours, by the person whose session it uses.

Two independent proofs, whatever the content type: the browser says that the request comes from this site, and the
request carries the token that only the session's own pages contain. https://web.dev/articles/fetch-metadata

A form with files has the token as its first field, so that no more than that is read before the rest is wanted.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from auth.same import same

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HEADER = b"x-csrf-token"
FIELD = "_token"
FORM = b"application/x-www-form-urlencoded"
FORM_WITH_FILES = "multipart/form-data"
MAX_FORM_BYTES = 64 * 1024
MAX_WORDS_BYTES = 256 * 1024  # of a form with files, all that is no file
MAX_FIELDS = 1000
WRITTEN = "written"  # where the connection keeps the form, as it came, for whoever has to give it back
FILES = "files_field"  # where it keeps that form's `FilesPart`, if it has one

Headers = Iterable[tuple[bytes, bytes]]
Message = Any  # frameworks type it in ways that fit no mapping
Receive = Callable[[], Awaitable[Message]]


class TooLarge(Exception):  # noqa: N818  # says what is the matter
    """A form with more than `MAX_FORM_BYTES`."""


class FilesPart(Struct, frozen=True):
    """The field of a form that takes files, and whether any was chosen in it."""

    name: str
    has_any: bool


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


def boundary_of(headers: Headers) -> str | None:
    """Give what parts the fields of a form with files. None: it is no such form."""
    values = [value.decode("latin-1") for value in _values(headers, b"content-type")]
    if len(values) != 1:
        return None
    media_type, options = parse_options_header(values[0])
    return options.get("boundary") if media_type == FORM_WITH_FILES else None


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


async def read_first_field(receive: Receive, boundary: str) -> tuple[bytes, list[bytes], bool]:
    """Read a form with files to the end of its first field, if that is `FIELD`.

    Gives what was read, the field's value, and whether that was the whole form. Raises `TooLarge` when it takes more
    than `MAX_FORM_BYTES` and one message.
    """
    read, value = bytearray(), bytearray()
    try:
        parser = PushMultipartParser(boundary, max_segment_count=1)
        while True:
            message = await receive()
            chunk, is_last = message.get("body", b""), not message.get("more_body", False)
            if len(read) > MAX_FORM_BYTES:
                raise TooLarge
            read += chunk
            for event in parser.parse(chunk) if chunk else ():
                if isinstance(event, MultipartSegment):
                    if event.name != FIELD or event.filename is not None:
                        return bytes(read), [], is_last
                elif event is None:
                    return bytes(read), [bytes(value)], is_last
                else:
                    value += event
            if is_last:
                return bytes(read), [], True
    except MultipartError:
        return bytes(read), [], True


async def read_words(receive: Receive, boundary: str) -> tuple[bytes, FilesPart | None]:
    """Read what was written into a form with files, as one without any has it: up to the first file, and not for long.

    What was written with more than `MAX_WORDS_BYTES` is left out. Gives the part of the first file as well.
    """
    found: list[tuple[str, bytes]] = []
    read, name, value = 0, "", bytearray()
    try:
        parser = PushMultipartParser(boundary, max_segment_count=MAX_FIELDS)
        while read <= MAX_WORDS_BYTES:
            message = await receive()
            chunk = message.get("body", b"")
            read += len(chunk)
            for event in parser.parse(chunk) if chunk else ():
                if isinstance(event, MultipartSegment):
                    if event.filename is not None:
                        return urlencode(found).encode(), FilesPart(event.name, bool(event.filename))
                    name, value = event.name, bytearray()
                elif event is None:
                    found.append((name, bytes(value)))
                else:
                    value += event
            if not message.get("more_body", False):
                break
    except MultipartError:
        pass
    return urlencode(found).encode(), None


def replay(body: bytes, receive: Receive, *, is_whole: bool = True) -> Receive:
    """Let the next reader find what was read already, and after it what is left."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": not is_whole}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def carries_token(headers: Headers, of_the_form: Iterable[bytes], expected: str) -> bool:
    """Whether the session's token came along, once, in the header or as a field of the form."""
    given = [*_values(headers, HEADER), *of_the_form]
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
