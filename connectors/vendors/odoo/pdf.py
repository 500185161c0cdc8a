"""Invoices and delivery slips as PDF. Odoo renders them at tokenised addresses of its customer portal, when asked.

To ask for such an address makes a token where there is none: that is all we ever write over there in order to read.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

from connectors.contract import FileQuery, FileStream
from connectors.errors import BadResponse, NotFound
from connectors.records import FileRef
from connectors.transport import up_to
from connectors.vendors.odoo import moves, sales
from connectors.vendors.odoo.invoices import find_invoice
from connectors.vendors.odoo.pickings import read_pickings
from connectors.vendors.odoo.rpc import Odoo, execute
from connectors.vendors.odoo.values import key, owners

MOST_BYTES = 25_000_000
HEAD = 1024  # bytes within which a PDF says that it is one


@asynccontextmanager
async def open_invoice(office: Odoo, query: FileQuery) -> AsyncIterator[FileStream]:
    invoice = await find_invoice(office, query.record, query.customer)
    ref = _wanted(query, invoice.files, owners(invoice.commercial_partner_id))
    url = await _portal_url(office, moves.MODEL, invoice.id, report_type="pdf", download=True)
    async with _pdf(office, url, ref) as stream:
        yield stream


@asynccontextmanager
async def open_slip(office: Odoo, query: FileQuery) -> AsyncIterator[FileStream]:
    """The token is the order's, and opens the slips of its deliveries."""
    order = await sales.find_shown(office, sales.OrderRow, query.record, query.customer)
    whose = sales.owners_of(order, await sales.contacts_of(office, [order]))
    pickings = await read_pickings(office, [order.id])
    slips = {file.id: (each.id, file) for each in pickings if key(each.sale_id) == order.id for file in each.files}
    ref = _wanted(query, (file for _, file in slips.values()), whose)
    token = parse_qs(urlsplit(await _portal_url(office, sales.MODEL, order.id)).query).get("access_token", [""])[0]
    url = f"/my/picking/pdf/{slips[ref.id][0]}?{urlencode({'access_token': token})}"
    async with _pdf(office, url, ref) as stream:
        yield stream


def _wanted(query: FileQuery, files: Iterable[FileRef], whose: frozenset[str]) -> FileRef:
    ref = next((file for file in files if file.id == query.file), None)
    if ref is None or query.customer not in whose:
        raise NotFound("Odoo: no such file of this customer's")
    return ref


async def _portal_url(office: Odoo, model: str, record: int, **options: object) -> str:
    url = await execute(office, str, model, "get_portal_url", [record], **options)
    if not url.startswith("/") or url.startswith(("//", "/\\")):
        raise BadResponse("Odoo: the address of a record's page is not on this Odoo")
    return url


@asynccontextmanager
async def _pdf(office: Odoo, url: str, ref: FileRef) -> AsyncIterator[FileStream]:
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
