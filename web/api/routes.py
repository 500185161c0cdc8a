"""The portal's reading side as JSON, under the same sign-in, the same scope and the same choke point as its pages."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.di import NamedDependency, Provide

from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.account_view import Part
from gateway.home import Item, home
from gateway.search import finds, words_of
from web.api import shapes
from web.api.keyset import After, Limit, cut
from web.api.problems import DOCUMENTED, HANDLERS
from web.api.shapes import HomeShape, InvoiceShape, One, OrderShape, Page, RequestShape
from web.portal.listing import Question
from web.portal.paths import RecordId, SourceName
from web.portal.routes import provide_visit
from web.portal.visit import Visit, items_of, only

R = TypeVar("R", bound=Record)
T = TypeVar("T")
S = TypeVar("S")

CHECKED = "private, no-cache"  # kept by nobody else, and asked about each time


@get("/home", responses=DOCUMENTED)
async def get_home(visit: NamedDependency[Visit], request: Request[Any, Any, Any]) -> Response[HomeShape]:
    parts = await visit.parts("orders")
    seen = home(parts, visit.today, None)
    return _answer(
        request,
        HomeShape(
            account=visit.account_name,
            needs=[shapes.brief(item, visit.today) for item in seen.needs],
            under_way=[shapes.brief(item, visit.today) for item in seen.under_way],
            totals=[shapes.total(total) for total in seen.totals],
            sources=shapes.sources(parts),
        ),
    )


@get("/orders", responses=DOCUMENTED)
async def get_orders(
    visit: NamedDependency[Visit],
    request: Request[Any, Any, Any],
    q: Question = "",
    after: After = None,
    limit: Limit = 50,
) -> Response[Page[OrderShape]]:
    found = await _list(visit, Order, "orders", q)
    return _answer(request, _page(found, _ordered, after, limit, lambda item: shapes.order(item, visit.today)))


@get("/orders/{source:str}/{record:str}", responses=DOCUMENTED)
async def get_order(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any], source: SourceName, record: RecordId
) -> Response[One[OrderShape]]:
    item = await visit.one(Order, source, record)
    return _answer(request, One(shapes.order(item, visit.today), shapes.sources([item.part])))


@get("/invoices", responses=DOCUMENTED)
async def get_invoices(
    visit: NamedDependency[Visit],
    request: Request[Any, Any, Any],
    q: Question = "",
    after: After = None,
    limit: Limit = 50,
) -> Response[Page[InvoiceShape]]:
    found = await _list(visit, Invoice, "invoices", q)
    return _answer(request, _page(found, _issued, after, limit, lambda item: shapes.invoice(item, visit.today)))


@get("/invoices/{source:str}/{record:str}", responses=DOCUMENTED)
async def get_invoice(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any], source: SourceName, record: RecordId
) -> Response[One[InvoiceShape]]:
    item = await visit.one(Invoice, source, record)
    return _answer(request, One(shapes.invoice(item, visit.today), shapes.sources([item.part])))


@get("/requests", responses=DOCUMENTED)
async def get_requests(
    visit: NamedDependency[Visit],
    request: Request[Any, Any, Any],
    q: Question = "",
    after: After = None,
    limit: Limit = 50,
) -> Response[Page[RequestShape]]:
    found = await _list(visit, Ticket, "tickets", q)
    return _answer(request, _page(found, _created, after, limit, lambda item: shapes.request(item, visit.today)))


@get("/requests/{source:str}/{record:str}", responses=DOCUMENTED)
async def get_request(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any], source: SourceName, record: RecordId
) -> Response[One[RequestShape]]:
    item = await visit.one(Ticket, source, record)
    return _answer(request, One(shapes.request(item, visit.today), shapes.sources([item.part])))


API = Router(
    path="/api/v1",
    route_handlers=[get_home, get_orders, get_order, get_invoices, get_invoice, get_requests, get_request],
    dependencies={"visit": Provide(provide_visit)},
    exception_handlers=HANDLERS,
    tags=["account"],
)


async def _list(
    visit: Visit, record_type: type[R], kind: Kind, question: str
) -> tuple[list[Item[R]], tuple[Part, ...]]:
    parts = only(await visit.parts(kind), kind)
    words = words_of(question)
    return [item for item in items_of(parts, record_type) if finds(words, item.record)], parts


def _page(
    found: tuple[list[Item[R]], Iterable[Part]],
    when: Callable[[R], str],
    after: str | None,
    limit: int,
    shape: Callable[[Item[R]], S],
) -> Page[S]:
    items, parts = found
    page, following = cut(items, when, after, limit)
    return Page([shape(item) for item in page], following, shapes.sources(parts))


def _answer(request: Request[Any, Any, Any], value: T) -> Response[T]:
    """Answer with an ETag, or with 304 where the caller has it already."""
    body = msgspec.json.encode(value)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": CHECKED, "Vary": "Cookie"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(b"", status_code=304, headers=headers, media_type=MediaType.JSON)  # type: ignore[arg-type]  # no body
    return Response(body, headers=headers, media_type=MediaType.JSON)  # type: ignore[arg-type]  # encoded above


def _ordered(order: Order) -> str:
    return order.ordered_at.isoformat() if order.ordered_at else ""


def _issued(invoice: Invoice) -> str:
    return invoice.issued_on.isoformat() if invoice.issued_on else ""


def _created(ticket: Ticket) -> str:
    return ticket.created_at.isoformat()
