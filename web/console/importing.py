"""Many contacts at once: a file is tried first, line by line, and taken in when somebody has looked at it."""

import io
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.identity.contacts_file import Row, read_contacts
from gateway.identity.contacts_text import text_of
from gateway.identity.importing import Import, Report
from gateway.links import LinkError
from web.body import Cap
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import desk

IMPORT = f"{CUSTOMERS}/import"
MOST = 500  # lines of a file; more is for `hallway customers import`
LONGEST = 200_000  # characters
IMPORT_CAPS = {IMPORT: Cap(1024 * 1024, within=60.0)}  # letters of some languages take three bytes
TOO_LONG = f"That is more than {LONGEST:,} characters. Divide the file, or take it in with hallway customers import."
SHOWN = 200  # of those who would be invited
DAYS = 90


class Given(Struct, frozen=True, kw_only=True):
    """A file as text. `sure`: the page that shows what it would do was answered. `problem`: it cannot be read."""

    contacts: str
    sure: bool
    problem: str | None = None


@get(IMPORT, opt=for_staff("admin"))
async def show_import(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await _page(request)


@post(IMPORT, opt=for_staff("admin"), status_code=200, request_max_body_size=None)
async def take_contacts(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Try every line and keep nothing; or take in a file of which every line can be taken."""
    given = await _given(request)
    text = given.contacts
    if given.problem:
        return await _page(request, contacts=text, problem=given.problem)
    if not text:
        problem = "Choose a file, or paste its lines, the first one with the names of the columns."
        return await _page(request, problem=problem)
    if len(text.splitlines()) > MOST + 1:  # with the head
        problem = f"More than {MOST} lines. Divide the file, or take it in with hallway customers import."
        return await _page(request, contacts=text, problem=problem)
    offices = await request.app.state.offices.all()
    try:
        rows, _ = read_contacts(io.StringIO(text, newline=""), frozenset(offices))
        tried = await _run(request, text, is_rehearsal=True)
        if not given.sure or tried.refused:
            return await _page(request, contacts=text, rows=rows, tried=tried)
        done = await _run(request, text, is_rehearsal=False)
    except LinkError as error:
        return await _page(request, contacts=text, problem=_sentence(error))
    return await _page(request, done=done)


async def _given(request: Request[StaffPrincipal, Any, Any]) -> Given:
    """Read a form: a file that was chosen counts before what was pasted."""
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    text, file, problem = fields.get("contacts", ""), form.get("file"), None
    if isinstance(file, UploadFile) and file.filename:
        try:
            text = text_of(await file.read())
        except LinkError as error:
            problem = _sentence(error)
    if len(text) > LONGEST:
        text, problem = "", TOO_LONG
    return Given(contacts=text.strip("\ufeff\r\n "), sure=bool(fields.get("sure")), problem=problem)


def _sentence(error: LinkError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


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


async def _page(
    request: Request[StaffPrincipal, Any, Any],
    *,
    contacts: str = "",
    problem: str | None = None,
    rows: list[Row] | None = None,
    tried: Report | None = None,
    done: Report | None = None,
) -> Response[str]:
    offices = sorted((await request.app.state.offices.all()).values(), key=lambda office: office.title)
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
        most=MOST,
        columns=[(f"source:{office.name}", office.title, office.connector.scope.customer) for office in offices],
    )


ROUTES = [show_import, take_contacts]
