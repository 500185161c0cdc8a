"""Files that came with public messages. A token of its own opens each, and asking for it makes it: as with a PDF.

Making one is a write to the file, so the account has to be one that may write to tickets.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import FileQuery, FileStream
from connectors.downloads import check_is_file, exactly
from connectors.errors import NotFound
from connectors.transport import up_to
from connectors.vendors.odoo.messages import read_messages
from connectors.vendors.odoo.rpc import Odoo, execute
from connectors.vendors.odoo.tickets import MODEL, find_ticket
from connectors.vendors.odoo.values import owners

MOST_BYTES = 25_000_000


@asynccontextmanager
async def open_attachment(office: Odoo, query: FileQuery) -> AsyncIterator[FileStream]:
    ticket = await find_ticket(office, query.record, query.customer)
    said = await read_messages(office, MODEL, ticket.id, query.customer)
    ref = next((file for message in said for file in message.files if file.id == query.file), None)
    if ref is None or query.customer not in owners(ticket.commercial_partner_id):
        raise NotFound("Odoo: no such file in the public messages of this customer's ticket")
    tokens = await execute(office, list[str], "ir.attachment", "generate_access_token", [int(ref.id)])
    params = {"access_token": "".join(tokens[:1]), "download": "true"}
    address = f"/web/content/{ref.id}"
    async with office.http.stream("GET", address, params=params, extensions=up_to(MOST_BYTES)) as response:
        check_is_file(response, ref.media_type, ref.size or 0, "Odoo")
        yield FileStream(name=ref.name, media_type=ref.media_type, chunks=exactly(response, ref.size or 0, "Odoo"))
