"""Answering a request: what somebody writes is kept at once, and goes on to the helpdesk from there."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec import Meta, Struct

from auth.principals import Onlooker, Visiting
from connectors.actions import Reply
from connectors.records import Ticket
from gateway.access import LinkRef
from gateway.home import Item
from gateway.outbox.desk import Desk, Handed
from gateway.outbox.states import State
from web.portal.paths import RecordId, SourceName
from web.portal.visit import Visit, href
from web.redirects import see_other

MOST = 20_000  # characters; as many as a long letter has
NONCE_BYTES = 24
WORDS: dict[State, str] = {
    "waiting": "Received. It is on its way to us.",
    "sending": "Received. It is on its way to us.",
    "sent": "Sent.",
    "needs_you": "This could not be taken as it is. Take it back, change it and send it again, or call us.",
    "needs_staff": "Received. Something went wrong on its way, and we look after it by hand. You need do nothing.",
    "unknown": "Received. We check by hand that it has arrived. You need do nothing.",
}


class Written(Struct, frozen=True, kw_only=True):
    """What the form says. `nonce` makes two clicks one answer."""

    nonce: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,43}\Z")]
    text: str = ""


class Pending(Struct, frozen=True, kw_only=True):
    """An answer that the conversation does not show yet."""

    id: str
    text: str
    at: datetime
    said: str
    reference: str
    may_be_taken_back: bool


class Answering(Struct, frozen=True, kw_only=True):
    """What a request's page needs for answering it."""

    nonce: str
    pending: list[Pending]
    text: str = ""
    problem: str | None = None


@post("/requests/{source:str}/{record:str}/reply")
async def send_reply(
    request: Request[Visiting, Any, Any],
    visit: NamedDependency[Visit],
    source: SourceName,
    record: RecordId,
    data: Annotated[Written, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Take an answer, and say so once it cannot be lost any more."""
    item = await visit.one(Ticket, source, record)
    text = data.text.replace("\r\n", "\n").strip()
    problem = _problem(text)
    if problem or visit.scope is None:
        from web.portal.requests import request_page  # noqa: PLC0415

        return await request_page(request, visit, item, text=text, problem=problem)
    desk: Desk = request.app.state.desk
    link = LinkRef(source, item.part.customer)
    await desk.take(visit.scope, link, "reply", {"ticket": record, "text": text}, data.nonce)
    visit.note("replied", "request")
    return see_other(f"{href(item)}#answer")


@post("/requests/{source:str}/{record:str}/reply/{handed:str}/back")
async def take_back_reply(
    request: Request[Visiting, Any, Any],
    visit: NamedDependency[Visit],
    source: SourceName,
    record: RecordId,
    handed: str,
) -> Response[str]:
    """Take back an answer that has not gone out. One that has stays, and its page says so."""


async def answering(
    request: Request[Visiting, Any, Any], visit: Visit, item: Item[Ticket], text: str = "", problem: str | None = None
) -> Answering | None:
    """Say how a request is answered here, and what was written and is not in the conversation. None: not here."""
    scope, desk = visit.scope, request.app.state.desk
    office = visit.offices.get(item.part.source)
    if scope is None or office is None or "reply" not in office.connector.actions:
        return None
    handed: Sequence[Handed] = await desk.of(scope)
    return Answering(
        nonce=secrets.token_urlsafe(NONCE_BYTES),
        pending=[_pending(each) for each in reversed(handed) if _is_of(each, item) and _is_missing(each, item)],
        text=text,
        problem=problem,
    )
