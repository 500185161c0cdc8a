"""What each status of a source means, and how customers read it: a draft, which is tried and then published."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from cache.client import CacheDown
from connectors.records import Kind
from gateway.dictionary.overview import Row, rows_of, unmapped
from gateway.dictionary.versions import DICTIONARIES, change_entry, differences
from gateway.feeds.rehearsing import Wordless
from gateway.publishing import OVERTAKEN, ChangedMeanwhileError, Draft
from gateway.statuses import UNKNOWN, WORDS
from gateway.unmapped import Unmapped, UnmappedStatuses
from gateway.wording import LENGTHS, Entry, Words, faults, meanings
from web.caller import by_staff
from web.console.desk import Paging, desk
from web.console.finding import PageNumber, Search, Whole, file_of
from web.console.publishing import WRITES, Opened, Pages
from web.console.status_changes import changes_of
from web.redirects import see_other

STATUSES = "/staff/statuses"
EDIT, DISCARD = f"{STATUSES}/edit", f"{STATUSES}/discard"
PAGE = 100
KIND_NAMES: dict[Kind, str] = {"orders": "Orders", "invoices": "Invoices", "tickets": "Requests"}
HEAD = ("Source", "Kind", "Status there", "Means", "Customers read", "Meaning", "Next step", "Mails", "Published")


class Written(Struct, frozen=True):
    """What somebody wrote of one status. `version` is the draft's, as they opened it; `means` "": as usual."""

    source: str
    kind: Kind
    status: str
    version: Whole = 0
    means: str = ""
    label: str = ""
    meaning: str = ""
    next_step: str = ""
    mails: str = ""

    @property
    def entry(self) -> Entry:
        return Entry(
            means=self.means or None,
            label=self.label.strip() or None,
            meaning=self.meaning.strip() or None,
            next_step=self.next_step.strip() or None,
            mails=bool(self.mails),
        )


PAGES = Pages(
    published=DICTIONARIES,
    area="statuses",
    path=STATUSES,
    templates="staff_status",
    changes=changes_of,
    context={"kinds": KIND_NAMES},
)


@get(STATUSES, opt=for_staff("read-only"))
async def show_statuses(
    request: Request[StaffPrincipal, Any, Any],
    q: Search = "",
    source: Search = "",
    page: PageNumber = 1,
) -> Response[str]:
    draft, every = await _all(request)
    rows = _picked(every, q, source)
    return desk(
        request,
        "staff_statuses.html",
        area="statuses",
        draft=draft,
        changes=len(list(differences(draft.live.content, draft.wanted))),
        unmapped=unmapped(every),
        rows=rows[(page - 1) * PAGE : page * PAGE],
        sources={row.source: row.title for row in every},
        source=source,
        question=q,
        kinds=KIND_NAMES,
        edit=edit_address,
        may_write=request.user.reaches(WRITES),
        paging=Paging(path=STATUSES, page=page, size=PAGE, count=len(rows), asked={"q": q, "source": source}),
    )


@get(f"{STATUSES}.csv", opt=for_staff("read-only"))
async def get_statuses_csv(
    request: Request[StaffPrincipal, Any, Any], q: Search = "", source: Search = ""
) -> Response[bytes]:
    """Give the whole table, with the same filters, as it would be once the draft is published."""
    _, every = await _all(request)
    table = [
        (
            row.title,
            KIND_NAMES[row.kind],
            row.status,
            WORDS[row.kind].get(row.means, UNKNOWN).label,
            *(row.reads.label, row.reads.meaning, row.reads.next_step),
            "yes" if row.entry.mails else "no",
            "no" if row.is_new else "yes",
        )
        for row in _picked(every, q, source)
    ]
    return file_of("statuses", HEAD, table)


@get(EDIT, opt=for_staff(WRITES))
async def show_edit(
    request: Request[StaffPrincipal, Any, Any], source: Search = "", kind: Search = "", status: Search = ""
) -> Response[str]:
    draft, every = await _all(request)
    row = _row(every, source, kind, status)
    entry = row.entry
    written = Written(
        row.source,
        row.kind,
        row.status,
        draft.version,
        *(entry.means or "", entry.label or "", entry.meaning or "", entry.next_step or ""),
        mails="on" if entry.mails else "",
    )
    return _form(request, row, written, draft)


@post(EDIT, opt=for_staff(WRITES))
async def edit(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Written, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Put what was written into the draft. Nothing that was written is lost where somebody was quicker."""
    draft, every = await _all(request)
    row = _row(every, data.source, data.kind, data.status)
    problems = dict(faults(row.kind, row.status, data.entry))
    if problems:
        return _form(request, row, data, draft, problems=problems)
    state = request.app.state
    try:
        await change_entry(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            now=utc_now(),
            seen=data.version,
            source=row.source,
            kind=row.kind,
            status=row.status,
            entry=data.entry,
        )
    except ChangedMeanwhileError:
        draft, every = await _all(request)
        return _form(request, _row(every, data.source, data.kind, data.status), data, draft, is_overtaken=True)
    return see_other(STATUSES)


@get(DISCARD, opt=for_staff(WRITES))
async def ask_discard(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await PAGES.ask_discard(request, "Customers notice nothing: they read what is published.", _thrown_away)


@post(DISCARD, opt=for_staff(WRITES))
async def discard(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Opened, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    return await PAGES.discard(request, data.version)


def edit_address(row: Row | Wordless) -> str:
    return f"{EDIT}?{urlencode({'source': row.source, 'kind': row.kind, 'status': row.status})}"


def _thrown_away(published: Words, wanted: Words) -> list[str]:
    return [
        f"{each.status or 'Without a status'}: back to what is published" for each in differences(published, wanted)
    ]


async def _all(request: Request[StaffPrincipal, Any, Any]) -> tuple[Draft[Words], tuple[Row, ...]]:
    state = request.app.state
    draft = await DICTIONARIES.draft(state.database)
    noted: UnmappedStatuses = state.unmapped
    found: Sequence[Unmapped] = ()
    with suppress(CacheDown):  # what was seen lately is not known then; all else is
        found = await noted.all()
    return draft, rows_of(await state.offices.all(), found, draft.wanted, draft.live.content)


def _picked(rows: Sequence[Row], question: str, source: str) -> list[Row]:
    words = question.casefold().split()
    return [
        row
        for row in rows
        if (not source or row.source == source)
        and all(word in f"{row.title} {row.status} {row.reads.label}".casefold() for word in words)
    ]


def _row(rows: Sequence[Row], source: str, kind: str, status: str) -> Row:
    """Find one. What no connector knows, nobody has seen and nobody speaks of is not found."""
    for row in rows:
        if (row.source, row.kind, row.status) == (source, kind, status):
            return row
    raise NotFoundException


def _form(
    request: Request[StaffPrincipal, Any, Any],
    row: Row,
    written: Written,
    draft: Draft[Words],
    *,
    problems: dict[str, str] | None = None,
    is_overtaken: bool = False,
) -> Response[str]:
    choices = [(means, WORDS[row.kind].get(means, UNKNOWN)) for means in meanings(row.kind)]
    return desk(
        request,
        "staff_status.html",
        area="statuses",
        status_code=409 if is_overtaken else 422 if problems else 200,
        row=row,
        written=written,
        version=draft.version if is_overtaken else written.version,
        choices=choices,
        usual=WORDS[row.kind].get(row.usual, UNKNOWN),
        kind_name=KIND_NAMES[row.kind],
        longest=LENGTHS,
        problems={"means": None, **dict.fromkeys(LENGTHS), **(problems or {})},
        overtaken=OVERTAKEN if is_overtaken else None,
    )


ROUTES = [show_statuses, get_statuses_csv, show_edit, edit, ask_discard, discard]
