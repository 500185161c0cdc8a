"""Requests: the list by whose turn it is, and one with its public conversation."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import Stream
from msgspec import Struct
from msgspec.structs import asdict

from connectors.records import Message, Ticket
from gateway.account_view import Part
from gateway.home import Item
from gateway.statuses import status_of
from web.portal.files import stream_file
from web.portal.listing import UNLINKED, Empty
from web.portal.paths import FileId, RecordId, SourceName
from web.portal.visit import Visit, items_of, only
from web.safe_html import SafeHtml, clean, plain
from web.words import number


class Group(Struct, frozen=True):
    name: str
    label: str
    items: list[Item[Ticket]]

    @property
    def parts(self) -> list[Part]:
        return [item.part for item in self.items]


@get("/requests")
async def show_requests(visit: NamedDependency[Visit]) -> Response[str]:
    parts = await visit.parts()
    about = only(parts, "tickets")
    items = sorted(items_of(parts, Ticket), key=lambda item: item.record.created_at, reverse=True)
    awaiting = [item for item in items if item.record.state == "awaiting_customer"]
    solved = [item for item in items if item.record.state == "solved"]
    under_way = [item for item in items if item.record.state not in {"awaiting_customer", "solved"}]
    known = visit.knows(about)
    return visit.page(
        "requests.html",
        area="requests",
        parts=parts,
        about=about,
        lede=_lede(len(awaiting), len(under_way), known=known) if visit.is_linked else "",
        groups=[
            Group("awaiting", "Your turn", awaiting),
            Group("way", "In progress", under_way),
            Group("solved", "Solved", solved),
        ],
        any=bool(items),
        empty=_empty(known=known) if visit.is_linked else UNLINKED,
    )


@get("/requests/{source:str}/{record:str}")
async def show_request(visit: NamedDependency[Visit], source: SourceName, record: RecordId) -> Response[str]:
    item = await visit.one(Ticket, source, record)
    return visit.page(
        "request.html",
        area="requests",
        parts=await visit.parts(),
        about=[item.part],
        record=item.record,
        status=status_of(item.record, visit.today),
        messages=await _conversation(item.record),
    )


@get("/requests/{source:str}/{record:str}/files/{file:str}")
async def get_request_file(visit: NamedDependency[Visit], source: SourceName, record: RecordId, file: FileId) -> Stream:
    return await stream_file(visit, "tickets", source, record, file)


async def _conversation(ticket: Ticket) -> list[dict[str, Any]] | None:
    """Clean every body at the last moment, so that a stricter cleaner covers what was stored before it."""
    if ticket.messages is None:
        return None
    return [{**asdict(message), "body": await _body(message)} for message in ticket.messages]


async def _body(message: Message) -> SafeHtml:
    return await clean(message.body) if message.media_type == "text/html" else plain(message.body)


def _empty(*, known: bool) -> Empty:
    if known:
        return Empty("No requests yet", "What you ask us by e-mail or phone appears here.")
    return Empty("We can’t say yet", "The requests have not reached us. Look again in a minute.")


def _lede(awaiting: int, under_way: int, *, known: bool) -> str:
    if awaiting:
        return f"{number(awaiting).capitalize()} {'waits' if awaiting == 1 else 'wait'} for your answer."
    if under_way:
        return f"{number(under_way).capitalize()} {'is' if under_way == 1 else 'are'} with us. You need do nothing."
    return "Nothing waits for you." if known else "We can’t say yet what is open."
