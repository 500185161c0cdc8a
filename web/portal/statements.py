"""Statements: the invoices of any days, added up per currency, to look at, as a table and on paper."""

import asyncio
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_422_UNPROCESSABLE_ENTITY, HTTP_503_SERVICE_UNAVAILABLE
from msgspec import Struct

from auth.clock import utc_now
from connectors.records import Invoice
from gateway.account_view import DEEPEST, Part
from gateway.languages import gettext, gettext_noop, pgettext
from gateway.statements import Period, Statement, make_statement
from web.papers.sheet import MOST, NotSet, Printer, sheet_of
from web.papers.table import table_of
from web.papers.wording import UNSAID, Figure, Said, figures_of, period_of, said_of
from web.portal.files import SANDBOX, attachment
from web.portal.listing import address
from web.portal.visit import Visit, items_of, only
from web.view import View
from web.words import whole

PATH = "/invoices/statement"
EARLIEST = date(1900, 1, 1)
FIRST_WRONG = gettext_noop("The first day is not a date. Write it like 2026-01-31.")
LAST_WRONG = gettext_noop("The last day is not a date. Write it like 2026-12-31.")
WRONG_WAY_ROUND = gettext_noop("The first day is after the last one. Swap them.")
TOO_MANY = gettext_noop("More than {n} entries are too many for one PDF. Choose fewer days, or take the table.")
NOT_MADE = gettext_noop("The PDF could not be made just now. Try again in a minute, or take the table.")

# Absent and empty differ: who opens the page has chosen nothing yet, who clears a field has.
From = Annotated[str | None, QueryParameter(name="from", max_length=40)]
To = Annotated[str | None, QueryParameter(name="to", max_length=40)]

log = structlog.get_logger()


class Form(Struct, frozen=True, kw_only=True):
    """The days as somebody wrote them. `problem`: what is wrong with those in `wrong`; there is no `period` then."""

    first: str
    last: str
    period: Period | None = None
    problem: str | None = None
    wrong: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        return urlencode({"from": self.first, "to": self.last})


class Read(Struct, frozen=True):
    """A statement with its words, and all the lists that were read for the page."""

    statement: Statement
    said: Said
    parts: tuple[Part, ...]


class Choice(Struct, frozen=True):
    """Days that people often want."""

    label: str
    href: str
    is_chosen: bool


class Group(Struct, frozen=True):
    """What the entries in a currency come to."""

    currency: str
    count: int
    figures: list[Figure]


@get(PATH)
async def show_statement(visit: NamedDependency[Visit], first: From = None, last: To = None) -> Response[bytes]:
    visit.require("invoices")
    form = form_of(first, last, visit.today)
    return await _page(visit, form)


@get(f"{PATH}.csv")
async def get_table(visit: NamedDependency[Visit], first: From = None, last: To = None) -> Response[bytes]:
    visit.require("invoices")
    form = form_of(first, last, visit.today)
    if form.period is None:
        return await _page(visit, form)
    read = await _read(visit, form.period)
    table = await asyncio.to_thread(table_of, read.statement, read.said, visit.today)
    return _file(visit, read.statement, table, "csv", "text/csv; charset=utf-8")


@get(f"{PATH}.pdf")
async def get_sheet(visit: NamedDependency[Visit], first: From = None, last: To = None) -> Response[bytes]:
    visit.require("invoices")
    form = form_of(first, last, visit.today)
    if form.period is None:
        return await _page(visit, form)
    read = await _read(visit, form.period)
    if len(read.statement.items) > MOST:
        return await _page(visit, form, gettext(TOO_MANY, n=whole(MOST)))
    view: View = visit.request.app.state.view
    printer: Printer = visit.request.app.state.printer
    of = {"business": view.brand.name, "accent": view.brand.accent, "account": visit.account_name}
    made = view.written(utc_now())
    sheet = await asyncio.to_thread(sheet_of, read.statement, read.said, visit.today, made=made, **of)
    try:
        pdf = await printer.print(sheet)
    except NotSet as error:
        log.warning("a statement was not set", detail=str(error), entries=len(read.statement.items))
        return await _page(visit, form, gettext(NOT_MADE), HTTP_503_SERVICE_UNAVAILABLE)
    return _file(visit, read.statement, pdf, "pdf", "application/pdf")


def form_of(first: str | None, last: str | None, today: date) -> Form:
    """Read the days. Who has chosen none gets this year so far; an end left empty is open."""
    if first is None and last is None:
        first, last = today.replace(month=1, day=1).isoformat(), today.isoformat()
    first, last = (first or "").strip(), (last or "").strip()
    begins, ends = _day(first), _day(last)
    if first and begins is None:
        return Form(first=first, last=last, problem=gettext(FIRST_WRONG), wrong=("from",))
    if last and ends is None:
        return Form(first=first, last=last, problem=gettext(LAST_WRONG), wrong=("to",))
    if begins and begins > (ends or date.max):
        return Form(first=first, last=last, problem=gettext(WRONG_WAY_ROUND), wrong=("from", "to"))
    return Form(first=first, last=last, period=Period(begins, ends or max(today, begins or today)))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day >= EARLIEST else None


async def _read(visit: Visit, period: Period) -> Read:
    """Read the whole history, as far as it is kept: its pieces are in no order of days that all sources keep."""
    parts = await visit.parts(deep="invoices", depth=DEEPEST)
    about = only(parts, "invoices")
    statement = make_statement(items_of(about, Invoice), about, period)
    view: View = visit.request.app.state.view
    said = said_of(statement, own_only="invoices" in visit.own_areas, written=view.written)
    return Read(statement, said, parts)


async def _page(
    visit: Visit, form: Form, problem: str | None = None, status: int = HTTP_422_UNPROCESSABLE_ENTITY
) -> Response[bytes]:
    problem = problem or form.problem
    read = await _read(visit, form.period) if form.period else None
    shown: dict[str, Any] = {}
    if read:
        statement = read.statement
        shown = {
            "period": period_of(statement.period),
            "said": read.said,
            "groups": [
                Group(each.currency or gettext(UNSAID), each.count, figures_of(each, statement.period))
                for each in statement.sums
            ],
            "entries": len(statement.items),
        }
    page = visit.page(
        "statement.html",
        area="invoices",
        parts=read.parts if read else await visit.parts(),
        about=read.statement.parts if read else (),
        form=form,
        problem=problem,
        choices=_choices(form, visit.today),
        shown=shown or None,
    )
    if problem:
        page.status_code = status
    return page


def _choices(form: Form, today: date) -> list[Choice]:
    new_year = today.replace(month=1, day=1)
    last_year = (new_year.replace(year=today.year - 1), new_year.replace(year=today.year - 1, month=12, day=31))
    named = {
        gettext("This year"): (new_year.isoformat(), today.isoformat()),
        gettext("Last year"): (last_year[0].isoformat(), last_year[1].isoformat()),
        pgettext("days", "All"): ("", today.isoformat()),
    }
    return [
        Choice(label, address(PATH, {"from": first, "to": last}), (form.first, form.last) == (first, last))
        for label, (first, last) in named.items()
    ]


def _file(visit: Visit, statement: Statement, body: bytes, ending: str, media_type: str) -> Response[bytes]:
    visit.note("finished", f"statement-{ending}")
    name = f"{_called(statement)}.{ending}"
    headers = {"Content-Disposition": attachment(name), "Content-Security-Policy": SANDBOX}
    return Response(body, media_type=media_type, headers=headers)


def _called(statement: Statement) -> str:
    """Name a file of it. Which days they are, programs and people read alike."""
    first, last = statement.period.first, statement.period.last
    if first is None and statement.is_whole:
        return gettext("statement-to-{last}", last=last)
    if first is None:
        return gettext("statement-to-{last}-not-complete", last=last)
    if statement.is_whole:
        return gettext("statement-{first}-to-{last}", first=first, last=last)
    return gettext("statement-{first}-to-{last}-not-complete", first=first, last=last)
