"""Orders: the list, and one with its steps, lines, shipments, invoices and files."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream
from litestar.status_codes import HTTP_409_CONFLICT

from connectors.records import Invoice, Order
from gateway.home import Item
from gateway.languages import gettext, gettext_noop, ngettext, pgettext
from gateway.statuses import SHIPMENTS, UNKNOWN, is_delayed, is_expired, is_under_way, status_of
from gateway.steps import steps_of
from web.portal.again import may_order_again
from web.portal.answers import could_answer
from web.portal.asking_form import place_of
from web.portal.files import stream_file
from web.portal.fitting import reading
from web.portal.handed import about
from web.portal.listing import Depth, Empty, Filters, PageNumber, Question, make_listing
from web.portal.paths import FileId, RecordId, SourceName
from web.portal.taking_back import take_back
from web.portal.visit import Visit, elsewhere, href, items_of, only
from web.redirects import see_other
from web.words import number

Show = Literal["under-way", "done", "all"]

FILTERS: Filters[Order] = {
    "under-way": (lambda: pgettext("orders", "Under way"), is_under_way),
    "done": (lambda: pgettext("orders", "Done"), lambda order: not is_under_way(order)),
    "all": (lambda: pgettext("orders", "All"), lambda _: True),
}
CAPTIONS: Mapping[Show, str] = {
    "under-way": gettext_noop("Orders: under way"),
    "done": gettext_noop("Orders: done"),
    "all": gettext_noop("Orders: all"),
}
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@get("/orders")
async def show_orders(
    visit: NamedDependency[Visit],
    show: FromQuery[Show] = "under-way",
    q: Question = "",
    page: PageNumber = 1,
    depth: Depth = 1,
) -> Response[bytes]:
    visit.require("orders")
    parts = await visit.parts("orders", deep="orders", depth=depth)
    about = only(parts, "orders")
    every = sorted(items_of(parts, Order), key=_ordered_at, reverse=True)
    listing = make_listing(
        "/orders", every, FILTERS, about=about, show=show, question=q, page=page, depth=depth, noun="order"
    )
    known = visit.knows(about)
    said = _lede([item.record for item in every], visit, known=known)
    return visit.page(
        "orders.html",
        area="orders",
        parts=parts,
        about=about,
        lede=visit.lede("orders", said, every, known=known),
        listing=listing,
        caption=gettext(CAPTIONS[show]),
        empty=visit.empty("orders", _empty(show, q, known=known), every, known=known),
    )


@get("/orders/{source:str}/{record:str}")
async def show_order(visit: NamedDependency[Visit], source: SourceName, record: RecordId) -> Response[bytes]:
    return await _page(visit, await visit.one(Order, source, record))


@post("/orders/{source:str}/{record:str}/handed/{handed:str}/back")
async def take_back_order(
    visit: NamedDependency[Visit], source: SourceName, record: RecordId, handed: RecordId
) -> Response[Any]:
    """Take back what has not gone out. What has stays where it is, and the page says so."""
    item = await visit.one(Order, source, record)
    if too_late := await take_back(visit, handed):
        page = await _page(visit, item, too_late)
        page.status_code = HTTP_409_CONFLICT
        return page
    return see_other(href(item))


@get("/orders/{source:str}/{record:str}/handed/{handed:str}/back")
async def go_to_order(
    visit: NamedDependency[Visit], source: SourceName, record: RecordId, handed: RecordId
) -> Response[str]:
    """Lead somebody back who reloads the address of the form."""
    del handed
    return see_other(href(await visit.one(Order, source, record)))


@get("/orders/{source:str}/{record:str}/files/{file:str}")
async def get_order_file(visit: NamedDependency[Visit], source: SourceName, record: RecordId, file: FileId) -> Stream:
    return await stream_file(visit, "orders", source, record, file)


async def _page(visit: Visit, item: Item[Order], too_late: str | None = None) -> Response[bytes]:
    """Render an order's page. `too_late`: why nothing was taken back."""
    parts, so_far = await visit.parts("orders"), await about(visit, item)
    invoices = [
        invoice
        for invoice in items_of(parts, Invoice)
        if invoice.part.source == item.part.source and invoice.record.order_number == item.record.number
    ]
    return visit.page(
        "order.html",
        area="orders",
        parts=parts,
        about=[item.part],
        record=item.record,
        reading=await reading(visit, item),
        ask_about=place_of(item),
        elsewhere=elsewhere(parts, item),
        status=status_of(item.record, visit.today),
        way=steps_of(item.record, visit.today),
        shipments=[(shipment, SHIPMENTS.get(shipment.state, UNKNOWN)) for shipment in item.record.shipments],
        invoices=invoices,
        invoice_parts=[item.part, *(invoice.part for invoice in invoices)],
        here=href(item),
        handed=so_far.shown,
        may_answer=could_answer(visit, item) and not so_far.awaits_us,
        is_answered=so_far.awaits_us,
        is_expired=is_expired(item.record, visit.today),
        may_order_again=may_order_again(visit, item),
        too_late=too_late,
    )


def _ordered_at(item: Item[Order]) -> tuple[datetime, str]:
    return item.record.ordered_at or LONG_AGO, item.record.number


def _lede(orders: list[Order], visit: Visit, *, known: bool) -> str:
    """Say how things stand in a sentence, and never more than is known."""
    under_way = sum(map(is_under_way, orders))
    late = sum(is_delayed(order, visit.today) for order in orders)
    if not under_way:
        return gettext("Nothing is under way.") if known else gettext("We can’t say yet what is under way.")
    many = number(under_way).capitalize()
    if not late:
        return ngettext("{n} is under way.", "{n} are under way.", under_way, n=many)
    return ngettext(
        "{n} is under way, {late} of them later than we said.",
        "{n} are under way, {late} of them later than we said.",
        under_way,
        n=many,
        late=number(late),
    )


def _empty(show: Show, question: str, *, known: bool) -> Empty:
    if not known:
        return Empty(
            gettext_noop("We can’t say yet"),
            gettext_noop("The orders have not reached us. Look again in a minute."),
        )
    if question:
        return Empty(
            gettext_noop("Nothing found"),
            gettext_noop("No order here has all of these words. Try fewer of them, or look under All."),
        )
    if show == "under-way":
        return Empty(
            gettext_noop("Nothing under way"),
            gettext_noop("A new order appears here a few minutes after we enter it."),
        )
    return Empty(
        gettext_noop("None yet"),
        gettext_noop("Your orders appear here a few minutes after we enter them."),
    )
