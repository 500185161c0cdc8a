"""The portal's reading side as JSON, under the same sign-in, the same scope and the same choke point as its pages."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.di import NamedDependency, Provide

from auth.principals import Principal
from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.account_view import DEEPEST, Part
from gateway.home import Item, home
from gateway.search import finds, words_of
from web.api import shapes
from web.api.keyset import After, Limit, Place, cut, read, write
from web.api.problems import DOCUMENTED, HANDLERS
from web.api.shapes import HomeShape, InvoiceShape, One, OrderShape, Page, RequestShape
from web.portal.listing import Question
from web.portal.paths import RecordId, SourceName
from web.portal.routes import provide_visit
from web.portal.visit import KIND_OF, Visit, items_of, only

R = TypeVar("R", bound=Record)
T = TypeVar("T")

CHECKED = "private, no-cache"  # kept by nobody else, and asked about each time


@get("/home", responses=DOCUMENTED)
async def get_home(visit: NamedDependency[Visit], request: Request[Any, Any, Any]) -> Response[HomeShape]:
    parts = await visit.parts("orders")
    seen = home(parts, visit.today, None)
    shape = HomeShape(
        account=visit.account_name,
        needs=[shapes.brief(item, visit.today) for item in seen.needs],
        under_way=[shapes.brief(item, visit.today) for item in seen.under_way],
        totals=[shapes.total(total) for total in seen.totals],
        sources=shapes.sources(parts),
    )
    body, headers = _encoded(request, shape)
    visit.keep(body, parts, {"Content-Type": "application/json", **headers}, headers["ETag"])
    return _checked(request, body, headers)


@get("/orders", responses=DOCUMENTED)
async def get_orders(
    visit: NamedDependency[Visit],
    request: Request[Any, Any, Any],
    q: Question = "",
    after: After = None,
    limit: Limit = 50,
) -> Response[Page[OrderShape]]:
    visit.require("orders")
    found, following, parts = await _page(visit, Order, _ordered, question=q, after=after, limit=limit)
    records = [shapes.order(item, visit.today) for item in found]
    return _answer(request, Page(records, following, shapes.sources(parts)))


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
    visit.require("invoices")
    found, following, parts = await _page(visit, Invoice, _issued, question=q, after=after, limit=limit)
    records = [shapes.invoice(item, visit.today) for item in found]
    return _answer(request, Page(records, following, shapes.sources(parts)))


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
    visit.require("requests")
    found, following, parts = await _page(visit, Ticket, _created, question=q, after=after, limit=limit)
    records = [shapes.request(item, visit.today) for item in found]
    return _answer(request, Page(records, following, shapes.sources(parts)))


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


async def _page(
    visit: Visit, record_type: type[R], when: Callable[[R], str], *, question: str, after: str | None, limit: int
) -> tuple[list[Item[R]], str | None, tuple[Part, ...]]:
    """Give one page of a list, the `after` of the next, and what it was cut from.

    A long history is gone through piece by piece, so that no page needs all of it.
    """
    kind, words, place = KIND_OF[record_type], words_of(question), read(after)
    earlier = await _piece(visit, kind, place.depth - 1) if place.depth > 1 else ()
    while True:
        parts = await _piece(visit, kind, place.depth)
        seen = {(item.part.source, item.record.origin.id) for item in items_of(earlier, record_type)}
        found = (
            item
            for item in items_of(parts, record_type)
            if (item.part.source, item.record.origin.id) not in seen and finds(words, item.record)
        )
        page, behind = cut(found, when, place.behind, limit)
        goes_on = [part for part in parts if part.older is not None]
        if behind:
            following = Place(place.depth, behind)
        elif not goes_on or place.depth == DEEPEST:
            return page, None, parts
        elif any(part.state in {"waiting", "paused", "down"} for part in goes_on):
            following = place  # its piece was not to be had: the same question again
        else:
            following = Place(place.depth + 1)
        if page or following == place:
            return page, write(following), parts
        place, earlier = following, parts


async def _piece(visit: Visit, kind: Kind, depth: int) -> tuple[Part, ...]:
    return only(await visit.parts(kind, deep=kind, depth=depth), kind)


def _answer(request: Request[Any, Any, Any], value: T) -> Response[T]:
    return _checked(request, *_encoded(request, value))


def _encoded(request: Request[Principal, Any, Any], value: object) -> tuple[bytes, dict[str, str]]:
    """Write the body, and the headers that let a caller ask whether it still holds.

    The tag is of the body and of whom it is for: two companies that both have nothing are not told of each other.
    """
    body = msgspec.json.encode(value)
    whose = msgspec.json.encode((request.user.member_id, request.user.account_id))
    etag = f'"{hashlib.sha256(whose + body).hexdigest()[:32]}"'
    return body, {"ETag": etag, "Cache-Control": CHECKED, "Vary": "Cookie"}


def _checked(request: Request[Any, Any, Any], body: bytes, headers: dict[str, str]) -> Response[Any]:
    """Answer with the body, or with 304 where the caller has it already."""
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if headers["ETag"] in known or "*" in known:
        return Response(b"", status_code=304, headers=headers, media_type=MediaType.JSON)
    return Response(body, headers=headers, media_type=MediaType.JSON)


def _ordered(order: Order) -> str:
    return order.ordered_at.isoformat() if order.ordered_at else ""


def _issued(invoice: Invoice) -> str:
    return invoice.issued_on.isoformat() if invoice.issued_on else ""


def _created(ticket: Ticket) -> str:
    return ticket.created_at.isoformat()
