"""Ordering the same again: a page that says what, and the form on it."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from connectors.records import Order
from gateway.home import Item
from web.portal.nonces import Nonce, new_nonce
from web.portal.paths import RecordId, SourceName
from web.portal.visit import Visit, href
from web.redirects import see_other

AGAIN = "/orders/{source:str}/{record:str}/again"


class Wanted(Struct, frozen=True, kw_only=True):
    nonce: Nonce


def may_order_again(visit: Visit, item: Item[Order]) -> bool:
    """Whether there is something to order, and a source that takes orders from the visitor."""
    has_lines = any(line.quantity for line in item.record.lines)
    return has_lines and item.record.state != "quoted" and visit.can("order_again", item.part.link)


@get(AGAIN)
async def show_again(visit: NamedDependency[Visit], source: SourceName, record: RecordId) -> Response[bytes]:
    item = await _find(visit, source, record)
    return visit.page(
        "again.html",
        area="orders",
        parts=await visit.parts(),
        about=[item.part],
        record=item.record,
        lines=[line for line in item.record.lines if line.quantity],
        here=href(item),
        nonce=new_nonce(),
    )


@post(AGAIN)
async def order_again(
    visit: NamedDependency[Visit],
    source: SourceName,
    record: RecordId,
    data: Annotated[Wanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Take it, and lead to the order's page, which says so."""
    item = await _find(visit, source, record)
    if visit.scope is None:
        raise NotFoundException
    await visit.desk.take(visit.scope, item.part.link, "order_again", {"order": record}, data.nonce)
    return see_other(f"{href(item)}#handed")


async def _find(visit: Visit, source: str, record: str) -> Item[Order]:
    """Find an order that the visitor may order again. Raises `NotFoundException`."""
    item = await visit.one(Order, source, record)
    if not may_order_again(visit, item):
        raise NotFoundException
    return item
