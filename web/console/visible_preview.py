"""A real account with the draft: its first page, its lists and one record, looked at by staff before it is true."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, get_args

from litestar import Request, Response, get
from litestar.params import Parameter
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from connectors.errors import NotFound
from connectors.records import Invoice, Kind, Money, Order, Record, Ticket
from gateway.account_view import AccountView, AccountViews, Part
from gateway.seeing.previewing import scope_with, with_policy
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy, is_sure
from gateway.statuses import status_of
from gateway.topics.changes import topics as read_topics
from web import words
from web.caller import by_staff
from web.console.desk import desk
from web.console.previewing import first_page
from web.console.publishing import WRITES
from web.console.seen_changes import ELSE
from web.console.statuses import KIND_NAMES
from web.console.visible import VISIBLE
from web.view import View

PREVIEW = f"{VISIBLE}/preview"
MOST = 50  # records of a list

Text = Annotated[str, Parameter(max_length=255)]


class Row(Struct, frozen=True, kw_only=True):
    """A record in a list. `at` is what the address of its preview says."""

    at: str
    number: str
    about: str
    status: Any  # words for its state
    amount: str


class Paper(Struct, frozen=True, kw_only=True):
    """A record as its page would say it: names with values, and lines."""

    number: str
    status: Any  # words for its state
    facts: list[tuple[str, str]]
    lines: list[tuple[str, str, str]]


@get(PREVIEW, opt=for_staff(WRITES))
async def show_preview(
    request: Request[StaffPrincipal, Any, Any], account: Text = "", show: Text = "", record: Text = ""
) -> Response[str]:
    """Show an account's pages with the draft, as somebody sees them who sees all of it. Each look is audited."""
    state = request.app.state
    draft = await POLICIES.draft(state.database)
    name = account.strip()
    scope = await scope_with(state.database, name, draft.wanted) if name else None
    shown: dict[str, Any] = {"page": None, "rows": None, "paper": None, "notice": None, "offered": [], "segments": []}
    kind = next((each for each in get_args(Kind) if each == show), None)
    if scope:
        await POLICIES.note_preview(state.database, trail=state.trail, by=by_staff(request), account=scope.account_id)
        views: AccountViews = state.account_views
        view: View = state.view
        looked = await views.of(scope)
        looked.offices = with_policy(looked.offices, draft.wanted)
        seen = draft.wanted.seen_by(scope.segments)
        shown["segments"] = [_title(draft.wanted, each) for each in scope.segments]
        if kind is None:
            notice = seen.notice
            shown["page"] = await first_page(looked, view)
            shown["notice"] = notice.text if notice and notice.stands(view.today()) else None
            every = await read_topics(state.database)
            shown["offered"] = [each.topic.label for each in every if seen.topics is None or each.name in seen.topics]
        elif record:
            shown["paper"] = await _paper(looked, kind, record, view.today())
        else:
            shown["rows"] = list(_rows(await looked.parts([kind]), kind, view.today()))
    return desk(
        request,
        "staff_visible_preview.html",
        area="visible",
        asked=name,
        called=scope.account_name if scope else None,
        is_sure=is_sure(scope.segments) if scope else True,
        is_draft=draft.content is not None,
        kind=kind,
        record=record,
        kinds=KIND_NAMES,
        most=MOST,
        **shown,
    )


def _title(policy: Policy, name: str) -> str:
    segment = policy.get(name)
    return segment.title if segment else ELSE


def _rows(parts: tuple[Part, ...], kind: Kind, today: date) -> Iterator[Row]:
    records = [(part, each) for part in parts if part.kind == kind for each in part.records]
    for part, each in records[:MOST]:
        yield Row(
            at=f"{part.source}/{each.origin.id}",
            number=each.number,
            about=each.subject if isinstance(each, Ticket) else part.title,
            status=status_of(each, today),
            amount=_money(each.total) if isinstance(each, Order | Invoice) else "",
        )


async def _paper(looked: AccountView, kind: Kind, place: str, today: date) -> Paper | None:
    """Read one record. None: they do not see it."""
    source, _, key = place.partition("/")
    try:
        part = await looked.one(kind, source, key)
    except NotFound:
        return None
    for record in part.records:
        facts = [(label, value) for label, value in _facts(record, today) if value]
        lines = [
            (each.text, words.quantity(each), _money(each.total))
            for each in (record.lines if isinstance(record, Order | Invoice) else ())
        ]
        return Paper(number=record.number, status=status_of(record, today), facts=facts, lines=lines)
    return None


def _facts(record: Record, today: date) -> Iterator[tuple[str, str]]:
    match record:
        case Order():
            yield "Total", _money(record.total)
            yield "Expected", words.day(record.expected_on, today) if record.expected_on else ""
            yield "Your reference", record.reference or ""
            yield "Shipments", ", ".join(each.number for each in record.shipments)
            yield "Files", ", ".join(each.name for each in record.files)
        case Invoice():
            yield "Total", _money(record.total)
            yield "Still open", _money(record.open)
            yield "Due", words.day(record.due_on, today) if record.due_on else ""
            yield "Link to pay", "Shown" if record.pay_url else ""
            yield "Files", ", ".join(each.name for each in record.files)
        case Ticket():
            yield "Subject", record.subject
            yield "Messages", str(len(record.messages or ()))
            yield "Files", ", ".join(file.name for each in record.messages or () for file in each.files)


def _money(money: Money | None) -> str:
    return words.money(money) if money else ""


ROUTES = [show_preview]
