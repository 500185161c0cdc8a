"""What became of a request that was handed in: its page, and putting it right or taking it back."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from litestar.status_codes import HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct

from auth.guards import KEEPS_DRAFT
from auth.principals import Visiting
from connectors.actions import NewTicket
from gateway.account_view import Part
from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import Handed, NotYours, TooLate
from gateway.outbox.files import FileShown
from gateway.outbox.states import State
from gateway.statuses import Status
from gateway.topics.fields import LETTER
from web.portal.drafting import RESTORED, again_of, draft_of, drop_draft
from web.portal.fates import FINDING_OUT, NOT_MEANWHILE, answer_to, doubt_of
from web.portal.paths import RecordId
from web.portal.taking_back import stand_anew, take_back
from web.portal.too_long import too_long
from web.portal.visit import Visit, only
from web.portal.when import what_we_say
from web.redirects import see_other
from web.words import whole

SENT = "/requests/sent"
LONGEST = 2 * LETTER  # characters of a whole message; a form may have more than one text
LONGEST_SUBJECT = 120
LISTED_WITHIN = timedelta(minutes=10)  # helpdesks list what is new a little later
KEPT_FOR = timedelta(days=30)  # where the source lists no requests

RECEIVED, NOTHING = gettext_noop("Received"), gettext_noop("Nothing to do.")
STATES: dict[State, Status] = {
    "waiting": Status(RECEIVED, "go", gettext_noop("It is on its way to us."), NOTHING),
    "sending": Status(RECEIVED, "go", gettext_noop("It is on its way to us."), NOTHING),
    "sent": Status(
        gettext_noop("We have it"),
        "go",
        gettext_noop("Your request has reached us."),
        gettext_noop("Nothing to do. We answer next."),
    ),
    "needs_you": Status(
        gettext_noop("Your help needed"),
        "bad",
        gettext_noop("It could not be taken as it is."),
        gettext_noop("Change it, or take it back."),
    ),
    "needs_staff": Status(
        RECEIVED,
        "warn",
        gettext_noop("Something went wrong on its way."),
        gettext_noop("Nothing to do. We look after it."),
    ),
    "unknown": Status(RECEIVED, "warn", gettext_noop("We check by hand that it has arrived."), NOTHING),
    "cancelled": Status(
        gettext_noop("Taken back"), "idle", gettext_noop("You took it back, and we do not have it."), NOTHING
    ),
    "dropped": Status(
        gettext_noop("Not done"), "bad", gettext_noop("We could not do this."), gettext_noop("Read our answer.")
    ),
}
NOT_TAKEN = gettext_noop("It was on its way already, so this change was not taken.")
BACK_ALREADY = gettext_noop("You took it back meanwhile, so this change was not taken.")
IN_DOUBT = Status(RECEIVED, "go", FINDING_OUT, NOT_MEANWHILE)


class Sent(Struct, frozen=True, kw_only=True):
    """A request that was handed in. `href` is its page in the helpdesk's list, once that shows it.

    `is_read`: the portal shows what is said of it there.
    """

    id: str
    reference: str
    subject: str
    text: str
    files: tuple[FileShown, ...]
    at: datetime
    status: Status
    number: str | None
    href: str | None
    is_read: bool
    may_be_changed: bool
    needs_you: bool
    is_over: bool  # we do not have it, and never will
    answer_by: datetime | None
    answer: str  # what we wrote instead of doing it

    @property
    def page(self) -> str:
        return f"{SENT}/{self.id}"


class Corrected(Struct, frozen=True, kw_only=True):
    subject: str = ""
    text: str = ""


async def on_its_way(visit: Visit, tickets: tuple[Part, ...]) -> list[Sent]:
    """List what the visitor handed in and the list of requests does not show, the latest first."""
    if visit.scope is None:
        return []
    handed = await visit.desk.of(visit.scope, own=True)
    now = visit.view.now()
    missing = (each for each in handed if each.action == "new_ticket" and _is_missing(each, tickets, now))
    return [_sent(each, tickets) for each in missing]


@get(f"{SENT}/{{handed:str}}")
async def show_sent(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], handed: RecordId
) -> Response[bytes]:
    found = await _find(visit, handed)
    draft = await draft_of(request, f"{request.url.path}/correct")
    if draft is None:
        return await _page(visit, found)
    return await _page(visit, found, ("text", gettext(RESTORED)), msgspec.convert(draft, Corrected))


@post(f"{SENT}/{{handed:str}}/correct", opt=KEEPS_DRAFT)
async def correct_sent(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    handed: RecordId,
    data: Annotated[Corrected, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Replace the words of what has not gone out. What has stays as it is, and its page gives the new ones back."""
    found = await _find(visit, handed)
    subject, text = " ".join(data.subject.split()), data.text.replace("\r\n", "\n").strip()
    problem = _problem(subject, text)
    if problem:
        page = await _page(visit, found, problem, data)
        page.status_code = HTTP_422_UNPROCESSABLE_ENTITY
        return page
    if visit.scope:
        try:
            await visit.desk.correct(visit.scope, handed, {"subject": subject, "text": text})
        except TooLate:
            found = await _find(visit, handed)
            if not _says(found, subject, text):
                return await _refuse(visit, found, _why_not(found), data)
        await drop_draft(request)
        await stand_anew(visit)
    return see_other(f"{SENT}/{handed}")


@post(f"{SENT}/{{handed:str}}/back")
async def take_back_sent(visit: NamedDependency[Visit], handed: RecordId) -> Response[Any]:
    """Take back what has not gone out. What has stays as it is, and its page says so."""
    await _find(visit, handed)
    if too_late := await take_back(visit, handed):
        return await _refuse(visit, await _find(visit, handed), too_late)
    return see_other(f"{SENT}/{handed}")


@get([f"{SENT}/{{handed:str}}/correct", f"{SENT}/{{handed:str}}/back"])
async def go_to_sent(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], handed: RecordId
) -> Response[str]:
    """Lead somebody back who reloads the address of a form, or has signed in again on the way there."""
    await _find(visit, handed)
    return see_other(f"{SENT}/{handed}{again_of(request)}")


async def _find(visit: Visit, id_: str) -> Handed:
    """Find a request of the visitor's own. Raises `NotFoundException`."""
    visit.require("requests")
    if visit.scope is None:
        raise NotFoundException
    try:
        found = await visit.desk.one(visit.scope, id_)
    except NotYours as error:
        raise NotFoundException from error
    if found.action != "new_ticket":
        raise NotFoundException
    return found


def _says(handed: Handed, subject: str, text: str) -> bool:
    """Whether it says so already: the same form was sent twice."""
    asked = handed.asked
    return isinstance(asked, NewTicket) and (asked.subject, asked.text) == (subject, text)


def _why_not(handed: Handed) -> str:
    """Say why a correction was not taken."""
    said = BACK_ALREADY if handed.state == "cancelled" else NOT_TAKEN
    return doubt_of(handed) or gettext(said)


async def _refuse(visit: Visit, handed: Handed, too_late: str, written: Corrected | None = None) -> Response[bytes]:
    page = await _page(visit, handed, written=written, too_late=too_late)
    page.status_code = HTTP_409_CONFLICT
    return page


async def _page(
    visit: Visit,
    handed: Handed,
    problem: tuple[str, str] | None = None,
    written: Corrected | None = None,
    too_late: str | None = None,
) -> Response[bytes]:
    parts = await visit.parts()
    sent = _sent(handed, only(parts, "tickets"))
    return visit.page(
        "sent.html",
        area="requests",
        parts=parts,
        about=(),
        sent=sent,
        written=written or sent,
        problem=problem,
        too_late=too_late,
        is_rewritten=too_late is not None and written is not None,
        next=what_we_say(sent.answer_by, visit.view)
        if handed.state not in {"needs_you", "cancelled", "dropped"}
        else "",
    )


def _problem(subject: str, text: str) -> tuple[str, str] | None:
    """Say which of both is wrong, and what."""
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        said = gettext("Say in a line of at most {most} characters what it is about.", most=whole(LONGEST_SUBJECT))
        return "subject", said
    if not text:
        return "text", gettext("Write your message first.")
    return ("text", too_long(LONGEST)) if len(text) > LONGEST else None


def _is_missing(handed: Handed, tickets: tuple[Part, ...], now: datetime) -> bool:
    """Whether the list may not have it yet: it has not gone out, or not long ago. Some sources list none at all."""
    if handed.state == "cancelled":
        return False
    shown_for = LISTED_WITHIN if handed.state != "dropped" and _is_read(handed, tickets) else KEPT_FOR
    return handed.done_at is None or (handed.done_at > now - shown_for and not _is_listed(handed, tickets))


def _is_read(handed: Handed, tickets: tuple[Part, ...]) -> bool:
    return any(part.source == handed.source for part in tickets)


def _is_listed(handed: Handed, tickets: tuple[Part, ...]) -> bool:
    its = (part for part in tickets if part.source == handed.source)
    return any(record.origin.id == handed.record for part in its for record in part.records)


def _sent(handed: Handed, tickets: tuple[Part, ...]) -> Sent:
    asked = handed.asked
    by = handed.note.get("answer_by")
    return Sent(
        id=handed.id,
        reference=handed.reference,
        subject=asked.subject if isinstance(asked, NewTicket) else "",
        text=asked.text if isinstance(asked, NewTicket) else "",
        files=handed.files,
        at=handed.made_at,
        status=IN_DOUBT if handed.in_doubt else STATES[handed.state],
        number=handed.number,
        href=f"/requests/{handed.source}/{handed.record}" if _is_listed(handed, tickets) else None,
        is_read=_is_read(handed, tickets),
        may_be_changed=handed.may_be_changed_by(handed.member),
        needs_you=handed.state == "needs_you",
        is_over=handed.state in {"cancelled", "dropped"},
        answer_by=datetime.fromisoformat(by) if by else None,
        answer=answer_to(handed),
    )
