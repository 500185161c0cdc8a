"""Requests: the list by whose turn it is, and one with its public conversation."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromQuery, PathParameter, QueryParameter
from litestar.response import Stream
from litestar.status_codes import HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct
from msgspec.structs import asdict

from auth.guards import KEEPS_DRAFT
from auth.principals import Visiting
from connectors.records import Message, Ticket
from gateway.home import Item
from gateway.languages import gettext, gettext_noop, ngettext, pgettext
from gateway.outbox.files import TooMuch
from gateway.statuses import status_of
from web.portal.asking_form import place_of
from web.portal.declined import rows_of_declined
from web.portal.drafting import RESTORED, again_of, draft_of, drop_draft
from web.portal.files import stream_file
from web.portal.fitting import reading
from web.portal.listing import Depth, Empty, Filters, PageNumber, Question, make_listing
from web.portal.paths import OURS, FileId, RecordId, SourceName
from web.portal.replies import Answering, Move, Moved, answering, check, written, written_again
from web.portal.satisfaction import LONGEST_COMMENT, Satisfaction, restored, satisfaction
from web.portal.sent import on_its_way
from web.portal.taking_back import take_back
from web.portal.uploads import AGAIN, TOO_MUCH, uploads_in
from web.portal.visit import Visit, href, items_of, only
from web.quotes import fold, fold_plain
from web.redirects import see_other
from web.safe_html import SafeHtml, clean
from web.words import number

# Whose turn it is, in the order to show it; whatever is not named here is with us.
GROUPS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("awaiting", lambda: gettext("Your turn")),
    ("way", lambda: pgettext("requests", "In progress")),
    ("solved", lambda: pgettext("requests", "Solved")),
)
TURNS = {"awaiting_customer": 0, "solved": 2}
WITH_US = 1
Again = Annotated[str, QueryParameter(pattern=OURS, description="An answer that was taken back, to be sent again")]
Show = Literal["open", "solved", "all"]

FILTERS: Filters[Ticket] = {
    "open": (lambda: pgettext("requests", "Open"), lambda ticket: ticket.state != "solved"),
    "solved": (lambda: pgettext("requests", "Solved"), lambda ticket: ticket.state == "solved"),
    "all": (lambda: pgettext("requests", "All"), lambda _: True),
}


class Group(Struct, frozen=True):
    name: str
    label: str
    items: list[Item[Ticket]]


@get("/requests")
async def show_requests(
    visit: NamedDependency[Visit],
    show: FromQuery[Show] = "open",
    q: Question = "",
    page: PageNumber = 1,
    depth: Depth = 1,
) -> Response[bytes]:
    visit.require("requests")
    parts = await visit.parts(deep="tickets", depth=depth)
    about = only(parts, "tickets")
    every = sorted(items_of(parts, Ticket), key=lambda item: item.record.created_at, reverse=True)
    every.sort(key=lambda item: _turn(item.record))
    listing = make_listing(
        "/requests", every, FILTERS, about=about, show=show, question=q, page=page, depth=depth, noun="request"
    )
    known = visit.knows(about)
    declined = [each for each in visit.standing.declined if each.area == "requests"]
    said = _lede([item.record for item in every], len(declined), known=known)
    elsewhere = [each for each in declined if each.about]  # a new request is under what was sent
    return visit.page(
        "requests.html",
        area="requests",
        parts=parts,
        about=about,
        lede=visit.lede("requests", said, [*every, *declined], known=known),
        listing=listing,
        declined=rows_of_declined(elsewhere, parts, visit.today) if page == 1 and not q else [],
        sent=await on_its_way(visit, about) if show != "solved" and page == 1 and not q else [],
        groups=[
            Group(name, label(), [item for item in listing.window.items if _turn(item.record) == turn])
            for turn, (name, label) in enumerate(GROUPS)
        ],
        empty=visit.empty("requests", _empty(show, q, known=known), every, known=known),
    )


@get("/requests/{source:str}/{record:str}")
async def show_request(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    source: SourceName,
    record: RecordId,
    again: Again = "",
) -> Response[bytes]:
    item = await visit.one(Ticket, source, record)
    draft = await draft_of(request, f"{request.url.path}/reply")
    form = (
        await answering(visit, item, draft.get("text", ""), gettext(RESTORED))
        if draft
        else await written_again(visit, item, again)
    )
    said = await draft_of(request, f"{request.url.path}/rate")
    return await request_page(visit, item, form, await restored(visit, item, said.get("comment", "")) if said else None)


@post("/requests/{source:str}/{record:str}/reply", opt=KEEPS_DRAFT, request_max_body_size=None)
async def send_reply(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], source: SourceName, record: RecordId
) -> Response[Any]:
    """Take an answer, and say so when it cannot be lost any more."""
    item = await visit.one(Ticket, source, record)
    link = item.part.link
    async with uploads_in(request).form(request, taken=visit.ability.takes_files("reply", link)) as sent:
        said = written(sent)
        problem = check(said.text)
        lost_files = gettext(AGAIN) if problem and sent.files else None
        form = await answering(visit, item, said.text, problem, sent.problem or lost_files)
        if form is None or visit.scope is None or not visit.can("reply", link):
            raise NotFoundException
        if form.is_closed:
            return await _refuse(visit, item, form, HTTP_409_CONFLICT)
        if not form.is_refused:
            asked = {"ticket": record, "text": said.text}
            try:
                await visit.desk.take(visit.scope, link, "reply", asked, said.nonce, files=sent.files)
            except TooMuch:
                form = await answering(visit, item, said.text, files_problem=gettext(TOO_MUCH))
            else:
                await drop_draft(request)
                return see_other(f"{href(item)}#answer")
    return await _refuse(visit, item, form, HTTP_422_UNPROCESSABLE_ENTITY)


@get(
    [
        "/requests/{source:str}/{record:str}/reply",
        "/requests/{source:str}/{record:str}/reply/{handed:str}/back",
        "/requests/{source:str}/{record:str}/move/{move:str}",
    ]
)
async def go_to_request(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], source: SourceName, record: RecordId
) -> Response[str]:
    """Lead somebody back who reloads the address of the form, or has signed in again on the way there."""
    page, again = href(await visit.one(Ticket, source, record)), again_of(request)
    return see_other(f"{page}{again}#answer" if again else page)


@post("/requests/{source:str}/{record:str}/move/{move:str}")
async def move_request(
    visit: NamedDependency[Visit],
    source: SourceName,
    record: RecordId,
    move: Annotated[Move, PathParameter()],
    data: Annotated[Moved, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Take that a request is solved, or is not after all."""
    item = await visit.one(Ticket, source, record)
    link = item.part.link
    if visit.scope is None or not visit.can(move, link):
        raise NotFoundException
    if visit.ability.never(move, link, item.record):
        return await _refuse(visit, item, await answering(visit, item), HTTP_409_CONFLICT)
    await visit.desk.take(visit.scope, link, move, {"ticket": record}, data.nonce)
    return see_other(f"{href(item)}#answer")


@post("/requests/{source:str}/{record:str}/reply/{handed:str}/back")
async def take_back_reply(
    visit: NamedDependency[Visit], source: SourceName, record: RecordId, handed: RecordId
) -> Response[Any]:
    """Take back an answer that has not gone out, and give it back in the form. The page of one that has says so."""
    item = await visit.one(Ticket, source, record)
    if too_late := await take_back(visit, handed):
        page = await request_page(visit, item, await answering(visit, item), too_late=too_late)
        page.status_code = HTTP_409_CONFLICT
        return page
    return see_other(f"{href(item)}?again={handed}#answer")


async def request_page(
    visit: Visit,
    item: Item[Ticket],
    form: Answering | None,
    rated: Satisfaction | None = None,
    too_late: str | None = None,
) -> Response[bytes]:
    """Render the page. `rated` is what was answered wrongly to whether it helped.

    `too_late`: why nothing was taken back.
    """
    return visit.page(
        "request.html",
        area="requests",
        parts=await visit.parts(),
        about=[item.part],
        record=item.record,
        reading=await reading(visit, item),
        status=status_of(item.record, visit.today),
        messages=await _conversation(item.record),
        here=href(item),
        place=place_of(Item(item.record, item.part)),
        answering=form,
        rated=rated or await satisfaction(visit, item),
        longest=LONGEST_COMMENT,
        too_late=too_late,
    )


async def _refuse(visit: Visit, item: Item[Ticket], form: Answering | None, status: int) -> Response[bytes]:
    page = await request_page(visit, item, form)
    page.status_code = status
    return page


@get("/requests/{source:str}/{record:str}/files/{file:str}")
async def get_request_file(visit: NamedDependency[Visit], source: SourceName, record: RecordId, file: FileId) -> Stream:
    return await stream_file(visit, "tickets", source, record, file)


async def _conversation(ticket: Ticket) -> list[dict[str, Any]] | None:
    """Clean every body at the last moment, so that a stricter cleaner covers what was stored before it."""
    if ticket.messages is None:
        return None
    return [{**asdict(message), "body": await _body(message)} for message in ticket.messages]


async def _body(message: Message) -> SafeHtml:
    return fold(await clean(message.body)) if message.media_type == "text/html" else fold_plain(message.body)


def _turn(ticket: Ticket) -> int:
    return TURNS.get(ticket.state, WITH_US)


def _empty(show: Show, question: str, *, known: bool) -> Empty:
    if not known:
        return Empty(
            gettext_noop("We can’t say yet"),
            gettext_noop("The requests have not reached us. Look again in a minute."),
        )
    if question:
        return Empty(
            gettext_noop("Nothing found"),
            gettext_noop("No request here has all of these words. Try fewer of them, or look under All."),
        )
    if show == "open":
        return Empty(
            gettext_noop("Nothing open"),
            gettext_noop("What you ask us, here or by e-mail or phone, appears here."),
        )
    return Empty(
        gettext_noop("None yet"),
        gettext_noop("What you ask us, here or by e-mail or phone, appears here."),
    )


def _lede(tickets: list[Ticket], declined: int, *, known: bool) -> str:
    turns = Counter(map(_turn, tickets))
    awaiting, under_way = turns[TURNS["awaiting_customer"]], turns[WITH_US]
    if awaiting:
        n = number(awaiting).capitalize()
        said = ngettext("{n} waits for your answer.", "{n} wait for your answer.", awaiting, n=n)
        return f"{said} {_declined(declined)}" if declined else said
    if declined:
        return _declined(declined)
    if under_way:
        return ngettext(
            "{n} is with us. You need do nothing.",
            "{n} are with us. You need do nothing.",
            under_way,
            n=number(under_way).capitalize(),
        )
    return gettext("Nothing waits for you.") if known else gettext("We can’t say yet what is open.")


def _declined(many: int) -> str:
    return ngettext(
        "{n} thing you sent could not be taken as it is.",
        "{n} things you sent could not be taken as they are.",
        many,
        n=number(many).capitalize(),
    )
