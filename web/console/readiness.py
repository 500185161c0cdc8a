"""Readiness: what the invited would see if they came now. Each number leads to its list."""

from collections import Counter
from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import Parameter

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.dossiers import note_exported
from gateway.identity.readiness import SEES, WHY, Preview, Sees, Verdict
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
    verdicts, unknown = await _preview(request).known()
    counts = Counter(each.sees for each in verdicts)
    these = [each for each in verdicts if sees in {None, each.sees}]
    begin = (page - 1) * PAGE
    paging = Paging(path=READINESS, page=page, size=PAGE, count=len(these), asked={"sees": sees or ""})
    return desk(
        request,
        "staff_readiness.html",
        area="customers",
        all=len(verdicts) + unknown,
        unknown=unknown,
        counts=[(each, NAMES[each], TONES[each], counts[each]) for each in SEES],
        shown=these[begin : begin + PAGE],
        names=NAMES,
        tones=TONES,
        why=WHY,
        sees=sees,
        oldest=min((each.checked_at for each in verdicts), default=None),
        paging=paging,
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
    await _preview(request).run(
        older_than=timedelta(days=1), told=lambda _done, _all: None, patience=WITHIN, most=AT_MOST
    )
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
