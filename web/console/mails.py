"""Mails to customers: which went out, and a decision about those that did not, or of which nobody knows."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.finding import PAGE, Batch
from gateway.mails import desk as mails
from gateway.mails.desk import MOST_AT_ONCE, STOPPED, MailError
from gateway.occasions import EventName
from web.caller import by_staff
from web.console.deliveries import DELIVERIES
from web.console.desk import Paging, Question, confirm, desk
from web.console.finding import MOST_EXPORTED, Done, Filters, PageNumber, Range, file_of, titles_of, wanted_of
from web.redirects import see_other
from web.words import count

MAILS = f"{DELIVERIES}/mails"
STATES = {
    "waiting": "Waiting",
    "sent": "Sent",
    "failed": "Not sent",
    "unknown": "Can’t tell if sent",
    "dropped": "Not needed",
}
EVENTS: dict[EventName, str] = {
    "request_waits": "Request waits for their answer",
    "request_answered": "Answer to a request",
    "request_solved": "Request solved",
    "request_failed": "What they sent could not be taken",
    "invoice_new": "New invoice",
    "invoice_due": "Invoice falls due soon",
    "invoice_overdue": "Invoice overdue",
    "order_moved": "Order moved on",
    "order_shipped": "Order on its way",
    "order_delivered": "Order delivered",
    "document_asked": "Document asked for",
}
AGAIN = (
    "goes out as if for the first time, if it is still so and they still want it.",
    "go out as if for the first time, those that are still so and still wanted.",
)


class Decision(Struct, frozen=True, kw_only=True):
    """What staff may decide about mails. `done` is said in the page's address when it was."""

    verb: str  # what is done with {mails}
    text: str
    effects: tuple[str, ...]
    act: Callable[..., Awaitable[int]]


RESEND = Decision(
    verb="Send {mails} again",
    text="Each is looked at anew as it goes out: what is no longer so is not sent.",
    effects=(
        "If nobody could tell whether one was sent, it may arrive twice.",
        "An address that mails came back from is tried again, for all mails to that person.",
    ),
    act=mails.resend,
)
SETTLE = Decision(
    verb="Close {mails}",
    text="For mails that have arrived, or that nobody needs any more.",
    effects=("Nothing is sent, and nothing waits for you about it any more.",),
    act=mails.settle,
)


@get(MAILS, opt=for_staff("support"))
async def show_mails(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
    page: PageNumber = 1,
    done: Done = 0,
) -> Response[str]:
    """List mails. `done` is how many a decision was just about."""
    database, wanted = request.app.state.database, wanted_of(request, filters)
    found = await mails.find(database, wanted, page)
    batch = await mails.decidable(database, wanted)
    return desk(
        request,
        "staff_mails.html",
        area="deliveries",
        found=found.found,
        paging=_paging(MAILS, filters, page, found.count),
        resend=_paging(f"{MAILS}/resend", filters).at(1),
        settle=_paging(f"{MAILS}/settle", filters).at(1),
        stopped=batch.many,
        filters=filters,
        titles=await titles_of(request),
        states=STATES,
        events=EVENTS,
        done=done,
    )


@get(f"{MAILS}.csv", opt=for_staff("support"))
async def export_mails(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
) -> Response[bytes]:
    """Give the table without names and addresses."""
    found = await mails.find(request.app.state.database, wanted_of(request, filters), 1, size=MOST_EXPORTED)
    head = ("id", "written", "account", "about", "source", "record", "state", "tries", "ended", "last problem")
    rows = [
        (
            each.id,
            each.made_at.isoformat(),
            each.account,
            EVENTS[each.names[0]],
            each.source,
            each.record,
            STATES[each.state],
            str(each.tries),
            each.ended_at.isoformat() if each.ended_at else "",
            each.error or "",
        )
        for each in found.found
    ]
    return file_of("mails", head, rows)


@get(f"{MAILS}/sent/{{mail:str}}", opt=for_staff("support"))
async def show_mail(request: Request[StaffPrincipal, Any, Any], mail: FromPath[str]) -> Response[str]:
    try:
        found = await mails.one(request.app.state.database, mail)
    except MailError as error:
        raise NotFoundException from error
    return desk(
        request,
        "staff_mail.html",
        area="deliveries",
        found=found,
        is_stopped=found.state in STOPPED,
        titles=await titles_of(request),
        states=STATES,
        events=EVENTS,
    )


@get(f"{MAILS}/resend", opt=for_staff("support"))
async def ask_resend(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
) -> Response[str]:
    return await _ask(request, RESEND, f"{MAILS}/resend", filters)


@get(f"{MAILS}/settle", opt=for_staff("support"))
async def ask_settle(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
) -> Response[str]:
    return await _ask(request, SETTLE, f"{MAILS}/settle", filters)


@post(f"{MAILS}/resend", opt=for_staff("support"))
async def resend(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Range, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    return await _decide(request, RESEND, data)


@post(f"{MAILS}/settle", opt=for_staff("support"))
async def settle(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Range, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    return await _decide(request, SETTLE, data)


async def _ask(
    request: Request[StaffPrincipal, Any, Any], decision: Decision, action: str, filters: Range
) -> Response[str]:
    batch: Batch = await mails.decidable(request.app.state.database, wanted_of(request, filters))
    many = count(batch.many, "mail", "mails")
    verb = decision.verb.format(mails=many)
    effects = (f"{many} {AGAIN[batch.many != 1]}",) if decision is RESEND else ()
    if batch.many == MOST_AT_ONCE:
        effects = (f"There may be more: at once it is the latest {batch.many} at the most.", *effects)
    question = Question(
        title=f"{verb}?" if batch.many else "Nothing to decide",
        text=decision.text if batch.many else "Somebody was quicker, or no mail fits that needs a decision.",
        effects=(*effects, *decision.effects, "It is written to the audit trail with your name.") if batch.many else (),
        action=action,
        button=verb,
        back=f"{MAILS}/sent/{filters.id}" if filters.id else _paging(MAILS, filters).at(1),
        fields={**filters.asked(), **({"id": filters.id} if filters.id else {}), "upto": batch.upto},
    )
    return confirm(request, "deliveries", question)


async def _decide(request: Request[StaffPrincipal, Any, Any], decision: Decision, data: Range) -> Response[str]:
    state, wanted = request.app.state, wanted_of(request, data)
    many = await decision.act(
        state.database, trail=state.trail, by=by_staff(request), wanted=wanted, upto=data.upto, now=utc_now()
    )
    return see_other(f"{MAILS}/sent/{data.id}" if data.id else f"{MAILS}?done={many}")


def _paging(path: str, filters: Range, page: int = 1, many: int = 0) -> Paging:
    return Paging(path=path, page=page, size=PAGE, count=many, asked=filters.asked())


ROUTES = [show_mails, export_mails, show_mail, ask_resend, ask_settle, resend, settle]
