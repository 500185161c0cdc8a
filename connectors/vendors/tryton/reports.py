"""An invoice's document. Tryton makes it once, when the invoice is posted, and gives the same one ever after."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import FileQuery, FileStream
from connectors.errors import BadResponse, NotFound
from connectors.transport import up_to
from connectors.vendors.tryton.formats import FORMATS
from connectors.vendors.tryton.invoices import MODEL, find_invoice
from connectors.vendors.tryton.rest import Tryton, path

MOST_BYTES = 25_000_000


@asynccontextmanager
async def open_report(office: Tryton, query: FileQuery) -> AsyncIterator[FileStream]:
    invoice = await find_invoice(office, query.record, query.customer)
    ref = next((ref for ref in invoice.files if ref.id == query.file), None)
    if ref is None:
        raise NotFound("Tryton: no such file of this customer's")
    start = FORMATS[invoice.invoice_report_format or ""].start
    url = path(office, "report", MODEL, invoice.id)
    async with office.http.stream("GET", url, extensions=up_to(MOST_BYTES)) as response:
        chunks = response.aiter_bytes()
        head = b""
        async for chunk in chunks:
            head += chunk
            if len(head) >= len(start):
                break
        if not head.startswith(start):
            raise BadResponse(f"Tryton: answered something else than {ref.media_type}")
        yield FileStream(name=ref.name, media_type=ref.media_type, chunks=_joined(head, chunks))


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
