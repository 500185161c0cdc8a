"""Files that customers send, as Zendesk takes them: first the files, then a comment that names them.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/#upload-files. What no comment names is
deleted over there after three days, so a try that fails in here has left nothing behind.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from connectors.actions import Attached, looking
from connectors.decode import decode_json
from connectors.errors import NotSent
from connectors.transport import lasting
from connectors.vendors.zendesk.api import API, Zendesk

WITHIN = 15.0  # seconds for all of them; with the comment it is less than a try may take


class Upload(Struct):
    token: Annotated[str, Meta(min_length=1)]


class OneUpload(Struct):
    upload: Upload


async def upload(office: Zendesk, files: Sequence[Attached]) -> dict[str, Any]:
    """Upload files, and give the field of a comment that names them. Raises `NotSent`, and what declines."""
    if not files:
        return {}
    try:
        async with asyncio.timeout(WITHIN):
            with looking():
                return {"uploads": [await _upload(office, file) for file in files]}
    except TimeoutError as error:
        raise NotSent(f"Zendesk: the files were not there within {WITHIN:g} s") from error


async def _upload(office: Zendesk, file: Attached) -> str:
    response = await office.http.post(
        f"{API}/uploads",
        params={"filename": file.name},
        content=file.content,
        headers={"Content-Type": file.media_type},
        **lasting(WITHIN),
    )
    return decode_json(response.content, OneUpload, "Zendesk /uploads").upload.token
