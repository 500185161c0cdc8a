"""Files on their way from a back office to a browser: never held whole, never opened inside our pages."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import quote

from litestar.response import Stream

from connectors.records import Kind
from gateway.languages import gettext
from web.portal.visit import Visit

# Even a file that lies about its type can do nothing: no scripts, no forms, no frame, another origin.
SANDBOX = "default-src 'none'; sandbox"
PASSED_ON = {
    "application/pdf",
    "application/zip",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
}  # everything else is just bytes to a browser
BYTES = "application/octet-stream"
WITHIN = 600  # seconds for a file: who reads slowly holds a connection to the back office


async def stream_file(visit: Visit, kind: Kind, source: str, record: str, file: str) -> Stream:
    """Open a file and pass it on. A failure before the first byte is an ordinary error page."""
    stack = AsyncExitStack()
    stream = await stack.enter_async_context(visit.file(kind, source, record, file))
    visit.note("finished", f"{kind}-file")

    ends = time.monotonic() + WITHIN

    async def chunks() -> AsyncIterator[bytes]:
        async with stack:
            async for chunk in stream.chunks:
                yield chunk
                if time.monotonic() > ends:
                    raise TimeoutError("the reader was too slow")

    return Stream(
        chunks(),
        media_type=stream.media_type if stream.media_type in PASSED_ON else BYTES,
        headers={"Content-Disposition": attachment(stream.name), "Content-Security-Policy": SANDBOX},
    )


def attachment(name: str) -> str:
    """Write the header of RFC 6266: a plain fallback, and the true name in UTF-8."""
    clean = "".join(letter for letter in name if letter.isprintable() and letter not in '/\\"').strip(". ") or gettext(
        "file"
    )
    fallback = clean.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(clean, safe='')}"
