"""Readiness: what the invited would see if they came now. Each number leads to its list."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import Parameter

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.dossiers import note_exported
from gateway.identity.inputs import SEES, Sees
from gateway.identity.readiness import WHY, Preview, Verdict
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import Paging, desk
from web.console.finding import PageNumber, file_of
from web.redirects import see_other

READINESS = f"{CUSTOMERS}/readiness"
PAGE = 20
AT_MOST = 200  # contacts that one press of the button asks about
WITHIN = 3.0  # seconds for one answer
NAMES: dict[Sees, str] = {
    "everything": "Ready",
    "part": "Part",
    "ambiguous": "To decide",
    "none": "Nothing",
}
TONES: dict[Sees, str] = {"everything": "ok", "part": "go", "ambiguous": "warn", "none": "bad"}
HEAD = ("E-mail", "Name", "Account", "Sees", "Why", "Checked")


@get(READINESS, opt=for_staff("support"))
async def show_readiness(
    request: Request[StaffPrincipal, Any, Any],
    sees: Annotated[Sees | None, Parameter()] = None,
    page: PageNumber = 1,
) -> Response[str]:
    """Show what was found out the last time; nobody is asked for it."""
    found = await _preview(request).overview(sees, page, PAGE)
    many = found.sees[sees] if sees else sum(found.sees.values())
    return desk(
        request,
        "staff_readiness.html",
        area="customers",
        all=found.invited,
        unknown=found.unknown,
        comparing=found.comparing,
        counts=[(each, NAMES[each], TONES[each], found.sees[each]) for each in SEES],
        shown=found.shown,
        names=NAMES,
        tones=TONES,
        why=WHY,
        sees=sees,
        oldest=found.oldest,
        paging=Paging(path=READINESS, page=page, size=PAGE, count=many, asked={"sees": sees or ""}),
        may_change=request.user.reaches("admin"),
    )


@get(f"{READINESS}.csv", opt=for_staff("support"))
async def export_readiness(
    request: Request[StaffPrincipal, Any, Any], sees: Annotated[Sees | None, Parameter()] = None
) -> Response[bytes]:
    """Give everybody as a file. That it was taken is in the audit trail."""
    verdicts, _ = await _preview(request).known()
    rows = [_cells(each) for each in verdicts if sees in {None, each.sees}]
    state = request.app.state
    details = {"rows": len(rows), "sees": sees}
    await note_exported(state.database, "readiness", details, trail=state.trail, by=by_staff(request))
    return file_of("readiness", HEAD, rows)


@post(READINESS, opt=for_staff("admin"))
async def ask_again(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Ask the sources about those of whom nothing is known, or of whom something has changed, some at a time."""
    await _preview(request).ask(older_than=timedelta(days=1), most=AT_MOST, patience=WITHIN)
    return see_other(READINESS)


def _preview(request: Request[StaffPrincipal, Any, Any]) -> Preview:
    preview: Preview = request.app.state.preview
    return preview


def _cells(each: Verdict) -> list[str]:
    contact = each.contact
    why = WHY.get(each.reason, each.reason) if each.reason else ""
    said = (contact.email, contact.name or "", contact.account, NAMES[each.sees], why)
    return [*said, each.checked_at.isoformat(timespec="seconds")]


ROUTES = [show_readiness, export_readiness, ask_again]
