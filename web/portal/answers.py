"""Accepting or declining a quote: a page that says which total, and the form on it."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from litestar.status_codes import HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Meta, Struct

from auth.guards import KEEPS_DRAFT
from auth.principals import Visiting
from connectors.records import Money, Order
from gateway.home import Item
from gateway.languages import gettext, gettext_noop
from gateway.statuses import is_open_offer
from web.portal.drafting import RESTORED, draft_of, drop_draft
from web.portal.handed import about
from web.portal.nonces import Nonce
from web.portal.paths import RecordId, SourceName
from web.portal.too_long import too_long
from web.portal.visit import Visit, href
from web.redirects import see_other

AnswerName = Literal["accept", "decline"]

ACCEPT = "/orders/{source:str}/{record:str}/accept"
DECLINE = "/orders/{source:str}/{record:str}/decline"
LONGEST_REASON = 1000  # characters
CHANGED = gettext_noop("The total has changed since you opened this page. Look at the quote again before you answer.")


class Given(Struct, frozen=True, kw_only=True):
    """What the form says: `total` and `currency` are what the customer saw."""

    nonce: Nonce
    total: Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,10})?\Z")]
    currency: str
    reason: str = ""


def may_answer(visit: Visit, item: Item[Order]) -> bool:
    """Whether it is a quote that stands open, and its source takes answers to it from the visitor."""
    return could_answer(visit, item) and visit.can("accept", item.part.link)


def could_answer(visit: Visit, item: Item[Order]) -> bool:
    """Do as `may_answer`, but say of an onlooker what the member could."""
    return is_open_offer(item.record, visit.today) and visit.ability.could("accept", item.part.link)


@get(ACCEPT)
async def show_accept(visit: NamedDependency[Visit], source: SourceName, record: RecordId) -> Response[Any]:
    return await _show(visit, source, record, "accept")


@get(DECLINE)
async def show_decline(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], source: SourceName, record: RecordId
) -> Response[Any]:
    draft = await draft_of(request, request.url.path)
    return await _show(visit, source, record, "decline", draft)


@post(ACCEPT)
async def accept_quote(
    visit: NamedDependency[Visit],
    source: SourceName,
    record: RecordId,
    data: Annotated[Given, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    return await _take(visit, source, record, "accept", data)


@post(DECLINE, opt=KEEPS_DRAFT)
async def decline_quote(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    source: SourceName,
    record: RecordId,
    data: Annotated[Given, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    answer = await _take(visit, source, record, "decline", data)
    if answer.status_code == HTTP_303_SEE_OTHER:
        await drop_draft(request)
    return answer


async def _show(
    visit: Visit, source: str, record: str, answer: AnswerName, draft: dict[str, str] | None = None
) -> Response[Any]:
    item = await visit.one(Order, source, record)
    so_far = await about(visit, item)
    if so_far.awaits_us or not may_answer(visit, item):
        return see_other(href(item))  # its page says why
    if draft is None:
        return await _page(visit, item, answer, so_far.nonce)
    reason, said = draft.get("reason", ""), gettext(RESTORED)
    return await _page(visit, item, answer, so_far.nonce, reason=reason, problem=said)


async def _take(visit: Visit, source: str, record: str, answer: AnswerName, data: Given) -> Response[Any]:
    """Take an answer, unless it was given, and lead to the quote's page, which says so."""
    item = await visit.one(Order, source, record)
    if visit.scope is None or not visit.can(answer, item.part.link):
        raise NotFoundException
    so_far, total = await about(visit, item), item.record.total
    if so_far.awaits_us or data.nonce != so_far.nonce or not may_answer(visit, item):
        return see_other(f"{href(item)}#handed")
    reason = data.reason.replace("\r\n", "\n").strip() if answer == "decline" else ""
    problem = too_long(LONGEST_REASON) if len(reason) > LONGEST_REASON else None
    if Money(data.currency, Decimal(data.total)) != total:
        problem = gettext(CHANGED)
    if problem:
        page = await _page(visit, item, answer, so_far.nonce, reason=reason, problem=problem)
        page.status_code = HTTP_422_UNPROCESSABLE_ENTITY
        return page
    asked = {"order": record, "total": data.total, "currency": data.currency, "reason": reason}
    await visit.desk.take(visit.scope, item.part.link, answer, asked, data.nonce)
    return see_other(f"{href(item)}#handed")


async def _page(
    visit: Visit,
    item: Item[Order],
    answer: AnswerName,
    nonce: str,
    *,
    reason: str = "",
    problem: str | None = None,
) -> Response[bytes]:
    return visit.page(
        "answer.html",
        area="orders",
        parts=await visit.parts(),
        about=[item.part],
        record=item.record,
        answer=answer,
        total=f"{item.record.total.amount:f}" if item.record.total else "",
        here=href(item),
        nonce=nonce,
        reason=reason,
        longest=LONGEST_REASON,
        problem=problem,
    )
