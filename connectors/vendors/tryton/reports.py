"""Papers that Tryton makes: of an invoice once, when it is posted, and of a delivery whenever asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import FileQuery, FileStream
from connectors.errors import BadResponse, NotFound
from connectors.records import FileRef
from connectors.transport import up_to
from connectors.vendors.tryton import invoices
from connectors.vendors.tryton.formats import FORMATS, Format
from connectors.vendors.tryton.orders import find_order
from connectors.vendors.tryton.rest import Tryton, path
from connectors.vendors.tryton.shipments import NOTE, note_format

MOST_BYTES = 25_000_000


@asynccontextmanager
async def open_invoice(office: Tryton, query: FileQuery) -> AsyncIterator[FileStream]:
    invoice = await invoices.find_invoice(office, query.record, query.customer)
    ref = next((ref for ref in invoice.files if ref.id == query.file), None)
    if ref is None:
        raise NotFound("Tryton: no such file of this customer's")
    form = FORMATS[invoice.invoice_report_format or ""]
    async with _report(office, path(office, "report", invoices.MODEL, invoice.id), form, ref) as stream:
        yield stream


@asynccontextmanager
async def open_note(office: Tryton, query: FileQuery) -> AsyncIterator[FileStream]:
    order = await find_order(office, query.record, query.customer)
    form = await note_format(office, order.shipments)
    notes = {ref.id: (each.id, ref) for each in order.shipments if form and each.has_left for ref in [each.note(form)]}
    if form is None or query.file not in notes:
        raise NotFound("Tryton: no such file of this customer's")
    shipment, ref = notes[query.file]
    async with _report(office, path(office, "report", NOTE, shipment), form, ref) as stream:
        yield stream


@asynccontextmanager
async def _report(office: Tryton, address: str, form: Format, ref: FileRef) -> AsyncIterator[FileStream]:
    async with office.http.stream("GET", address, extensions=up_to(MOST_BYTES)) as response:
        chunks = response.aiter_bytes()
        head = b""
        async for chunk in chunks:
            head += chunk
            if len(head) >= len(form.start):
                break
        if not head.startswith(form.start):
            raise BadResponse(f"Tryton: answered something else than {ref.media_type}")
        yield FileStream(name=ref.name, media_type=ref.media_type, chunks=_joined(head, chunks))


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
