"""Files that came with public comments. Zendesk hands out an address of its own, which redirects to its file hosts.

https://developer.zendesk.com/documentation/ticketing/managing-tickets/accessing-end-user-uploaded-attachments/
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import FileQuery, FileStream
from connectors.downloads import check_is_file, download, exactly
from connectors.errors import NotFound
from connectors.vendors.zendesk.api import Zendesk
from connectors.vendors.zendesk.comments import read_public
from connectors.vendors.zendesk.tickets import find_ticket

MOST_BYTES = 25_000_000
PLACE = "attachments/"  # on the account's own address; nothing else there is a file
HOSTS = ("zdusercontent.com",)


@asynccontextmanager
async def open_file(office: Zendesk, query: FileQuery) -> AsyncIterator[FileStream]:
    ticket = await find_ticket(office, query.record, query.customer)
    comments, _ = await read_public(office, ticket.id)
    file = next((each for comment in comments for each in comment.files if str(each.id) == query.file), None)
    if file is None:
        raise NotFound("Zendesk: no such file in the public comments of this ticket")
    async with download(office.http, file.content_url, place=PLACE, hosts=HOSTS, max_bytes=MOST_BYTES) as response:
        check_is_file(response, file.media_type, file.size, "Zendesk")
        yield FileStream(
            name=file.file_name, media_type=file.media_type, chunks=exactly(response, file.size, "Zendesk")
        )
