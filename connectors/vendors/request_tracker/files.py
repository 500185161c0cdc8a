"""Files that came with public messages. RT gives them as base64 inside JSON, which is undone as it arrives."""

import binascii
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import FileQuery, FileStream
from connectors.errors import BadResponse, NotFound
from connectors.transport import up_to
from connectors.vendors.request_tracker.api import REST, RequestTracker
from connectors.vendors.request_tracker.conversation import read_said
from connectors.vendors.request_tracker.tickets import find_ticket

MOST_BYTES = 25_000_000 * 14 // 10  # of 25 MB in base64, with its line breaks and the JSON around it
LONGEST_START = 1_000_000  # bytes of JSON before the content: headers of a mail

# As raw JSON: inside of a text value the quotes would be escaped.
_CONTENT = re.compile(rb'(?<!\\)"Content"\s*:\s*(?:"|null)')


@asynccontextmanager
async def open_file(office: RequestTracker, query: FileQuery) -> AsyncIterator[FileStream]:
    ticket = await find_ticket(office, query.record, query.customer)
    files = [file for said in await read_said(office, str(ticket.id)) for file in said.files]
    ref = next((file for file in files if file.id == query.file), None)
    if ref is None:
        raise NotFound("RT: no such file in the public messages of this ticket")
    url = f"{REST}/attachment/{ref.id}"
    async with office.http.stream("GET", url, extensions=up_to(MOST_BYTES)) as response:
        chunks = _decoded(response.aiter_bytes())
        first = await anext(chunks, b"")  # what is no such answer shows before anything is passed on
        yield FileStream(name=ref.name, media_type=ref.media_type, chunks=_joined(first, chunks))


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _decoded(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    kept = b""  # less than four digits of base64, or half of an escape
    async for piece in _value(chunks):
        whole = (kept + piece).removesuffix(b"\\")
        half = (kept + piece)[len(whole) :]
        digits = whole.replace(b"\\n", b"").replace(b"\\/", b"/")
        cut = len(digits) // 4 * 4
        kept = digits[cut:] + half
        yield _undone(digits[:cut])
    yield _undone(kept)


def _undone(digits: bytes) -> bytes:
    try:
        return binascii.a2b_base64(digits, strict_mode=True)
    except binascii.Error:
        raise BadResponse("RT: the content of a file is no base64") from None


async def _value(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut the value of "Content" out of the JSON, as it arrives and still escaped. It is null where there is none."""
    start = b""
    match = None
    async for chunk in chunks:
        start += chunk
        if match := _CONTENT.search(start):
            break
        if len(start) > LONGEST_START:
            break
    if match is None:
        raise BadResponse("RT: a file without content")
    if match[0].endswith(b"null"):
        return
    value, quote, _ = start[match.end() :].partition(b'"')
    yield value
    while not quote:
        chunk = await anext(chunks, b"")
        if not chunk:
            raise BadResponse("RT: the content of a file broke off")
        value, quote, _ = chunk.partition(b'"')
        yield value
