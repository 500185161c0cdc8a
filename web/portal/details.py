"""Your details: what each source knows of the member, and a change of it, looked at once more before it is sent."""

from datetime import datetime
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, QueryParameter
from litestar.status_codes import HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct

from auth.guards import KEEPS_DRAFT
from auth.principals import Visiting
from connectors.actions import Change
from connectors.details import LONGEST, DetailName
from connectors.errors import Unavailable
from gateway.access import LinkRef, PersonRef
from gateway.details import Known, details_of
from gateway.languages import gettext, gettext_noop
from gateway.outbox.desk import Handed
from gateway.outbox.states import State
from web.portal.detail_words import FILLED_IN_BY, LABELS, LOCKED
from web.portal.drafting import RESTORED, draft_of, drop_draft
from web.portal.fates import FATES, told_of
from web.portal.nonces import is_nonce, new_nonce
from web.portal.paths import RecordId
from web.portal.seen import seen_by
from web.portal.taking_back import take_back
from web.portal.visit import Visit
from web.redirects import see_other
from web.words import whole

HERE = "/account/details"
WITHIN = 4.0  # seconds that the page waits for all of them
LATEST = 5  # changes that the page tells of, beside those that wait for the visitor
NAMES: tuple[DetailName, ...] = get_args(DetailName)
NEEDED: frozenset[DetailName] = frozenset({"name", "first_name", "last_name"})  # nobody is called nothing
WORDS: dict[State, str] = {
    **FATES,
    "waiting": gettext_noop("Received. It is on its way."),
    "sending": gettext_noop("Received. It is on its way."),
    "needs_you": gettext_noop(
        "Not changed. Either it could not be taken as it is, or somebody changed it before you. Look again."
    ),
    "unknown": gettext_noop("Received. We check by hand that it was done. You need do nothing."),
}
Text = Annotated[str, QueryParameter(max_length=255)]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


class Field(Struct, frozen=True, kw_only=True):
    """A detail as the pages show it. `was` is what the source says, `value` what somebody wrote instead."""

    name: DetailName
    label: str
    was: str
    value: str
    locked: str | None
    filled_in_by: str
    problem: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """One source's group. No fields: it has not answered."""

    whom: PersonRef
    title: str
    fields: list[Field]
    may_change: bool


class Told(Struct, frozen=True, kw_only=True):
    """A change that was sent, and what has become of it."""

    id: str
    title: str
    at: datetime
    changes: list[tuple[str, str, str]]  # label, before, after
    said: str
    reference: str
    may_be_taken_back: bool


@get(HERE)
async def show_details(visit: NamedDependency[Visit]) -> Response[bytes]:
    return await _page(visit)


@get(f"{HERE}/edit")
async def edit_details(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], source: Text, person: Text
) -> Response[bytes]:
    known = await _one(visit, PersonRef(source, person))
    draft = await draft_of(request, f"{HERE}/check") or await draft_of(request, f"{HERE}/send")
    if draft is None or _whom(draft) != known.whom:
        return await _edit(visit, _fields(known), known)
    return await _edit(visit, _fields(known, draft), known, gettext(RESTORED))


@post(f"{HERE}/check", opt=KEEPS_DRAFT)
async def check_details(visit: NamedDependency[Visit], data: Form) -> Response[bytes]:
    """Show what would be changed, or what is wrong with it."""
    known = await _one(visit, _whom(data))
    fields = _fields(known, data)
    if any(each.problem for each in fields):
        return await _edit(visit, fields, known, status=HTTP_422_UNPROCESSABLE_ENTITY)
    changed = [each for each in fields if each.value != each.was]
    if not changed:
        return await _edit(
            visit, fields, known, gettext("Nothing is different yet."), status=HTTP_422_UNPROCESSABLE_ENTITY
        )
    return visit.page(
        "details_check.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        row=_row(visit, known),
        customer=known.link.customer if known.link else "",
        changed=changed,
        nonce=new_nonce(),
    )


@post(f"{HERE}/send", opt=KEEPS_DRAFT)
async def send_details(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], data: Form
) -> Response[Any]:
    """Take a change, and say so when it cannot be lost any more: its source may be away. It looks at what was said."""
    whom, link = _whom(data), LinkRef(data.get("source", ""), data.get("customer", ""))
    after = {name: data[name] for name in NAMES if name in data}
    before = {name: data.get(f"was_{name}", "") for name in after}
    is_whole = bool(after) and is_nonce(data.get("nonce", "")) and all(map(seen_by(visit).shown.shows_detail, after))
    if visit.scope is None or whom not in visit.scope.persons or not visit.can("change_details", link) or not is_whole:
        raise NotFoundException
    if any(_problem(name, before[name], value) for name, value in after.items()):
        raise NotFoundException  # the form before has said so
    asked = {"person": whom.person, "before": before, "after": after}
    await visit.desk.take(visit.scope, link, "change_details", asked, data["nonce"])
    await drop_draft(request)
    return see_other(f"{HERE}#changes")


@get([f"{HERE}/check", f"{HERE}/send", f"{HERE}/{{handed:str}}/back"])
async def go_to_details(request: Request[Visiting, Any, Any]) -> Response[str]:
    """Lead somebody back who reloads the address of a form, or has signed in again on the way there."""
    draft = await draft_of(request, request.url.path)
    if draft is None:
        return see_other(HERE)
    whom = _whom(draft)
    return see_other(f"{HERE}/edit?{urlencode({'source': whom.source, 'person': whom.person, 'draft': 1})}")


@post(f"{HERE}/{{handed:str}}/back")
async def take_back_details(visit: NamedDependency[Visit], handed: RecordId) -> Response[Any]:
    if too_late := await take_back(visit, handed):
        page = await _page(visit, too_late)
        page.status_code = HTTP_409_CONFLICT
        return page
    return see_other(f"{HERE}#changes")


async def _page(visit: Visit, too_late: str | None = None) -> Response[bytes]:
    """Render the page. `too_late`: why nothing was taken back."""
    known = await details_of(visit.scope, visit.offices, within=WITHIN) if visit.scope else ()
    return visit.page(
        "details.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        rows=[_row(visit, each) for each in known],
        told=await _told(visit),
        too_late=too_late,
    )


async def _edit(
    visit: Visit, fields: list[Field], known: Known, problem: str | None = None, *, status: int = 200
) -> Response[bytes]:
    page = visit.page(
        "details_edit.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        row=_row(visit, known),
        fields=fields,
        problem=problem,
        longest=LONGEST,
    )
    page.status_code = status
    return page


async def _one(visit: Visit, whom: PersonRef) -> Known:
    """Ask about one of the persons that the visitor is. Anybody else is not found."""
    found = await details_of(visit.scope, visit.offices, within=WITHIN, only=whom) if visit.scope else ()
    for known in found:
        if known.held is None:
            raise Unavailable(f"{whom.source} has not answered")
        if _may_change(visit, known):
            return known
    raise NotFoundException


def _may_change(visit: Visit, known: Known) -> bool:
    held = known.held
    is_free = held is not None and bool(held.values.keys() - held.locked.keys())
    return is_free and known.link is not None and visit.can("change_details", known.link)


def _whom(data: dict[str, str]) -> PersonRef:
    return PersonRef(data.get("source", ""), data.get("person", ""))


def _row(visit: Visit, known: Known) -> Row:
    return Row(whom=known.whom, title=known.title, fields=_fields(known), may_change=_may_change(visit, known))


def _fields(known: Known, data: dict[str, str] | None = None) -> list[Field]:
    """List what a source knows, with what a form says instead. What is locked is as it is, whatever a form says."""
    if known.held is None:
        return []
    held, written = known.held, data or {}
    fields = []
    for name in NAMES:
        if name in held.values:
            was, locked = held.values[name], held.locked.get(name)
            value = was if locked else " ".join(written.get(name, was).split())
            field = Field(
                name=name,
                label=gettext(LABELS[name]),
                was=was,
                value=value,
                locked=gettext(LOCKED.get(locked, locked)) if locked else None,
                filled_in_by=FILLED_IN_BY.get(name, "off"),
                problem=None if value == was else _problem(name, was, value),  # what stays is nobody's mistake
            )
            fields.append(field)
    return fields


def _problem(name: DetailName, was: str, value: str) -> str | None:
    if len(value) > LONGEST:
        length, most = whole(len(value)), whole(LONGEST)
        return gettext("This has {length} characters, and {most} are kept. Shorten it.", length=length, most=most)
    return gettext("Write what you are called.") if was and not value and name in NEEDED else None


async def _told(visit: Visit) -> list[Told]:
    """Tell of the visitor's own changes, the latest first. Those that were taken back are forgotten."""
    if visit.scope is None:
        return []
    mine = [each for each in await visit.desk.of(visit.scope) if _is_own(visit, each) and each.state != "cancelled"]
    told = [
        _sent(visit, each, visit.scope.member_id)
        for place, each in enumerate(mine)
        if place < LATEST or each.state == "needs_you"
    ]
    return [each for each in told if each.changes]


def _is_own(visit: Visit, each: Handed) -> bool:
    """Whether it is about a person that the visitor is: the account's list has colleagues', too."""
    persons = visit.scope.persons if visit.scope else ()
    return isinstance(each.asked, Change) and PersonRef(each.source, each.asked.person) in persons


def _sent(visit: Visit, each: Handed, member: str) -> Told:
    office = visit.offices.get(each.source)
    asked = each.asked
    if not isinstance(asked, Change):
        raise TypeError("no change of details")
    names = [name for name in NAMES if name in asked.after and seen_by(visit).shown.shows_detail(name)]
    changes = [(gettext(LABELS[name]), asked.before.get(name, ""), asked.after[name]) for name in names]
    return Told(
        id=each.id,
        title=office.title if office else "",
        at=each.made_at,
        changes=changes,
        said=told_of(each) or gettext(WORDS[each.state]),
        reference=each.reference,
        may_be_taken_back=each.may_be_changed_by(member),
    )
