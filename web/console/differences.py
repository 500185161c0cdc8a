"""Where two sources do not say the same of one thing: what each says, and whether that matters."""

from collections.abc import Awaitable
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, Parameter

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.conflict_desk import find
from gateway.conflicts import ConflictError, State, ignore, reopen
from gateway.dossiers import note_exported
from gateway.finding import PAGE
from web.caller import by_staff
from web.console.account import Done
from web.console.customers import CUSTOMERS
from web.console.desk import Paging, desk
from web.console.finding import MOST_EXPORTED, PageNumber, file_of, titles_of
from web.redirects import see_other

DIFFERENCES: Final = f"{CUSTOMERS}/differences"
STATES: Final[dict[State, str]] = {"open": "Open", "ignored": "Ignored", "settled": "Settled"}
KINDS: Final = {"orders": "Order", "invoices": "Invoice", "contacts": "Person"}
FIELDS: Final = {
    "state": "state",
    "total": "total",
    "open": "amount still open",
    "due_on": "due date",
    "company": "company",
    "email": "e-mail address",
}
DONE: Final = {
    "ignored": "Ignored. It comes back here when either source says something else.",
    "open": "Open again.",
    "same": "Somebody was quicker, or the sources agree by now.",
}
Account = Annotated[str, Parameter(max_length=63)]


@get(DIFFERENCES, opt=for_staff("support"))
async def show_differences(
    request: Request[StaffPrincipal, Any, Any],
    status: FromQuery[State] = "open",
    account: Account = "",
    done: Done = "",
    page: PageNumber = 1,
) -> Response[str]:
    found, names = await find(request.app.state.database, status, account, page)
    return desk(
        request,
        "staff_differences.html",
        area="customers",
        found=found.found,
        names=names,
        state=status,
        account=account,
        states=STATES,
        kinds=KINDS,
        fields=FIELDS,
        titles=await titles_of(request),
        paging=Paging(path=DIFFERENCES, page=page, size=PAGE, count=found.count, asked=_asked(status, account)),
        at={
            each: Paging(path=DIFFERENCES, page=1, size=PAGE, count=0, asked=_asked(each, account)).at(1)
            for each in STATES
        },
        done=DONE.get(done),
    )


@get(f"{DIFFERENCES}.csv", opt=for_staff("support"))
async def export_differences(
    request: Request[StaffPrincipal, Any, Any], status: FromQuery[State] = "open", account: Account = ""
) -> Response[bytes]:
    """Give them as a file. That it was taken is in the audit trail."""
    app = request.app.state
    found, names = await find(app.database, status, account, 1, size=MOST_EXPORTED)
    head = ("account", "name", "kind", "about", "what", "source", "says", "other source", "says too", "since", "state")
    rows = [
        (
            each.account,
            names.get(each.account, ""),
            KINDS.get(each.kind, each.kind),
            each.about,
            FIELDS.get(each.field, each.field),
            each.sources[0],
            each.values[0],
            each.sources[1],
            each.values[1],
            each.first_seen.isoformat(),
            each.state,
        )
        for each in found.found
    ]
    await note_exported(app.database, "differences", {"rows": len(rows)}, trail=app.trail, by=by_staff(request))
    return file_of("differences", head, rows)


@post(f"{DIFFERENCES}/{{difference:str}}/ignore", opt=for_staff("support"))
async def ignore_one(request: Request[StaffPrincipal, Any, Any], difference: FromPath[str]) -> Response[str]:
    """Say that a difference is none, with one's name."""
    state, by = request.app.state, by_staff(request)
    its = ignore(state.database, trail=state.trail, by=by, id_=difference, decided_by=by.who, now=utc_now())
    return await _answered(its, "ignored")


@post(f"{DIFFERENCES}/{{difference:str}}/reopen", opt=for_staff("support"))
async def reopen_one(request: Request[StaffPrincipal, Any, Any], difference: FromPath[str]) -> Response[str]:
    state = request.app.state
    return await _answered(reopen(state.database, trail=state.trail, by=by_staff(request), id_=difference), "open")


@get([f"{DIFFERENCES}/{{difference:str}}/ignore", f"{DIFFERENCES}/{{difference:str}}/reopen"], opt=for_staff("support"))
async def lead_back(difference: FromPath[str]) -> Response[str]:  # noqa: ARG001  # all are on one page
    """Lead whoever loads the address of a form to the page that it is on."""
    return see_other(DIFFERENCES)


async def _answered(act: Awaitable[None], done: str) -> Response[str]:
    try:
        await act
    except ConflictError:
        done = "same"
    return see_other(f"{DIFFERENCES}?done={done}")


def _asked(state: State, account: str) -> dict[str, str]:
    return {"status": "" if state == "open" else state, "account": account}


ROUTES = [show_differences, export_differences, ignore_one, reopen_one, lead_back]
