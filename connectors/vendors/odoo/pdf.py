"""An invoice's PDF. Odoo renders it at a tokenised address of its customer portal, made when asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import FileQuery, FileStream
from connectors.errors import BadResponse, NotFound
from connectors.transport import up_to
from connectors.vendors.odoo.invoices import find_invoice
from connectors.vendors.odoo.moves import MODEL
from connectors.vendors.odoo.rpc import Odoo, execute
from connectors.vendors.odoo.values import owners

MOST_BYTES = 25_000_000
HEAD = 1024  # bytes within which a PDF says that it is one


@asynccontextmanager
async def open_pdf(office: Odoo, query: FileQuery) -> AsyncIterator[FileStream]:
    invoice = await find_invoice(office, query.record, query.customer)
    theirs = query.customer in owners(invoice.commercial_partner_id)
    ref = next((ref for ref in invoice.files if ref.id == query.file), None)
    if not theirs or not ref:
        raise NotFound("Odoo: no such file of this customer's")
    url = await execute(office, str, MODEL, "get_portal_url", [invoice.id], report_type="pdf", download=True)
    if not url.startswith("/") or url.startswith(("//", "/\\")):
        raise BadResponse("Odoo: the address of an invoice's PDF is not on this Odoo")
    async with office.http.stream("GET", url, extensions=up_to(MOST_BYTES)) as response:
        chunks = response.aiter_bytes()
        head = await _read_head(chunks)
        if b"%PDF-" not in head[:HEAD]:  # the sign-in page comes with a 200 too
            raise BadResponse("Odoo: answered something else than a PDF")
        yield FileStream(name=ref.name, media_type=ref.media_type, chunks=_joined(head, chunks))


async def _read_head(chunks: AsyncIterator[bytes]) -> bytes:
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    return head


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
