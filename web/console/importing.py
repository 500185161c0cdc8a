"""Many contacts at once: a file is tried first, line by line, and taken in when somebody has looked at it."""

import io
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.identity.contacts_file import Row, read_contacts
from gateway.identity.importing import Import, Report
from gateway.links import LinkError
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import desk

IMPORT = f"{CUSTOMERS}/import"
LONGEST = 45_000  # characters of a file; more is for `hallway customers import`
MOST = 500  # lines
SHOWN = 200  # of those who would be invited
DAYS = 90


class Given(Struct, frozen=True, kw_only=True):
    """A file as text. `sure`: the page that shows what it would do was answered."""

    contacts: Annotated[str, Meta(max_length=LONGEST)] = ""
    sure: str = ""


@get(IMPORT, opt=for_staff("admin"))
async def show_import(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return _page(request)


@post(IMPORT, opt=for_staff("admin"), status_code=200)
async def take_contacts(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Given, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Try every line and keep nothing; or take in a file of which every line can be taken."""
    text = data.contacts.strip("\ufeff\r\n ")
    if not text:
        return _page(request, problem="Paste the lines of your file, the first one with the names of the columns.")
    if text.count("\n") > MOST:
        problem = f"More than {MOST} lines. Divide the file, or take it in with hallway customers import."
        return _page(request, contacts=text, problem=problem)
    offices = await request.app.state.offices.all()
    try:
        rows, _ = read_contacts(io.StringIO(text, newline=""), frozenset(offices))
        tried = await _run(request, text, is_rehearsal=True)
        if not data.sure or tried.refused:
            return _page(request, contacts=text, rows=rows, tried=tried)
        done = await _run(request, text, is_rehearsal=False)
    except LinkError as error:
        return _page(request, contacts=text, problem=f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return _page(request, done=done)


async def _run(request: Request[StaffPrincipal, Any, Any], text: str, *, is_rehearsal: bool) -> Report:
    state, by = request.app.state, by_staff(request)
    taking = Import(
        state.database,
        state.trail,
        by,
        made_by=by.who,
        now=utc_now(),
        days=DAYS,
        is_rehearsal=is_rehearsal,
    )
    return await taking.run(io.StringIO(text, newline=""), lambda _done, _all: None)


def _page(
    request: Request[StaffPrincipal, Any, Any],
    *,
    contacts: str = "",
    problem: str | None = None,
    rows: list[Row] | None = None,
    tried: Report | None = None,
    done: Report | None = None,
) -> Response[str]:
    return desk(
        request,
        "staff_import.html",
        area="customers",
        status_code=422 if problem or (tried and tried.refused) else 200,
        contacts=contacts,
        problem=problem,
        rows=(rows or [])[:SHOWN],
        more=max(0, len(rows or []) - SHOWN),
        tried=tried,
        done=done,
        days=DAYS,
    )


ROUTES = [show_import, take_contacts]
