"""Filters of long tables: from the address into a question, and from a form that was confirmed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from litestar import Request, Response
from litestar.di import NamedDependency, Provide
from litestar.params import Parameter, PathParameter
from msgspec import Meta, Struct

from gateway.finding import Wanted
from gateway.offices import Offices
from web.spreadsheets import harmless, spreadsheet
from web.view import View

LAST_PAGE = 100_000
MOST_EXPORTED = 10_000  # rows of a file, the latest

Whole = Annotated[int, Meta(ge=0, le=2**31 - 1)]  # what a column of ours can hold
WholeInPath = Annotated[int, PathParameter(ge=0, le=2**31 - 1)]
Search = Annotated[str, Parameter(max_length=100)]
Done = Annotated[int, Parameter(ge=0, le=LAST_PAGE)]
PageNumber = Annotated[int, Parameter(ge=1, le=LAST_PAGE)]


class Range(Struct, frozen=True, kw_only=True):
    """Filters as a confirmed form has them. `upto` is the last row that was counted for the question."""

    q: Annotated[str, Meta(max_length=100)] = ""
    status: Annotated[str, Meta(max_length=63)] = ""
    source: Annotated[str, Meta(max_length=63)] = ""
    since: Annotated[str, Meta(max_length=10)] = ""
    until: Annotated[str, Meta(max_length=10)] = ""
    id: Annotated[str, Meta(max_length=26)] = ""
    upto: Annotated[str, Meta(max_length=26)] = ""

    def asked(self) -> dict[str, str]:
        """What of it is in the address of the table."""
        filters = {"q": self.q, "status": self.status, "source": self.source, "since": self.since, "until": self.until}
        return {name: value for name, value in filters.items() if value}


def plain(search: str) -> str:
    """Give what was searched for, without what no column holds and nobody means."""
    return " ".join(search.replace("\0", " ").split())


def version_of(text: str) -> int:
    """Read the version of what a form was opened with. -1: it is none of ours."""
    return int(text) if text.isdecimal() and len(text) < len(str(2**31)) else -1


def filters_of(
    *,
    q: Search = "",
    status: Annotated[str, Parameter(max_length=63)] = "",
    source: Annotated[str, Parameter(max_length=63)] = "",
    since: Annotated[str, Parameter(max_length=10)] = "",
    until: Annotated[str, Parameter(max_length=10)] = "",
    id: Annotated[str, Parameter(max_length=26)] = "",  # noqa: A002  # as the address has it
) -> Range:
    """Read the filters of an address. Routes get them as `filters`."""
    return Range(q=q, status=status, source=source, since=since, until=until, id=id)


Filters = NamedDependency[Range]
FINDING = {"filters": Provide(filters_of, sync_to_thread=False)}


def wanted_of(request: Request[Any, Any, Any], filters: Range) -> Wanted:
    """Read filters. A day is the business's, `until` is a whole one, and what is no day counts as not given."""
    return Wanted(
        state=filters.status,
        source=filters.source,
        words=plain(filters.q),
        since=day_of(request, filters.since),
        until=day_of(request, filters.until, days=1),
        id=filters.id,
    )


async def titles_of(request: Request[Any, Any, Any]) -> Mapping[str, str]:
    """Name the sources, as customers read them."""
    return {name: office.title for name, office in (await request.app.state.offices.all()).items()}


async def called(request: Request[Any, Any, Any], source: str) -> str:
    """Name a source as customers read it, or say that it is none that works."""
    offices: Offices = request.app.state.offices
    if office := (await offices.all()).get(source):
        return office.title
    return f"{source} ({'switched off' if source in await offices.broken() else 'no longer there'})"


def file_of(name: str, head: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Response[bytes]:
    """Answer with a table for a spreadsheet, in which nothing of others' making is a formula."""
    body = spreadsheet(head, [[harmless(cell) for cell in row] for row in rows])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


def day_of(request: Request[Any, Any, Any], day: str, *, days: int = 0) -> datetime | None:
    """Say when a day begins for the business, or the one so many `days` later. None: it is no day."""
    view: View = request.app.state.view
    try:
        begins = date.fromisoformat(day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(begins, time(), view.now().tzinfo)
