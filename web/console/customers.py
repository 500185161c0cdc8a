"""Who the customers are, and a look at what one of them sees."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromQuery
from msgspec import Struct

from auth import cookies
from auth.clock import utc_now
from auth.guards import SignInNeeded, for_staff
from auth.principals import VIEW_AS, StaffPrincipal, Viewing
from auth.sessions import Sessions
from gateway.customers import PAGE, Customer, Only, customers_of, every_customer
from gateway.dossiers import note_exported
from gateway.records.database import Database
from web.caller import address_of, by_staff
from web.console.desk import Paging, desk
from web.console.finding import PageNumber, Search, file_of, plain
from web.redirects import cookie, see_other

CUSTOMERS = "/staff/customers"
VIEWED_FOR = timedelta(minutes=30)  # at most, and then somebody may begin again
FILTERS: dict[Only, str] = {
    "": "All",
    "unlinked": "No link",
    "ambiguous": "To decide",
    "never": "Never signed in",
    "disabled": "Somebody disabled",
    "merged": "Merged",
}
HEAD = ("Account", "Name", "State", "People", "Invited", "Links", "Last seen")


class Wanted(Struct, frozen=True):
    member: str
    account: str


@get(CUSTOMERS, opt=for_staff("read-only"))
async def show_customers(
    request: Request[StaffPrincipal, Any, Any],
    q: Search = "",
    only: FromQuery[Only] = "",
    page: PageNumber = 1,
) -> Response[str]:
    database: Database = request.app.state.database
    question = plain(q)
    customers = await customers_of(database, question, page, only)
    return desk(
        request,
        "staff_customers.html",
        area="customers",
        question=question,
        customers=customers.found,
        state_of=state_of,
        filters=FILTERS,
        only=only,
        paging=Paging(
            path=CUSTOMERS,
            page=page,
            size=PAGE,
            count=customers.count,
            asked={"q": question, "only": only},
            is_more=customers.is_more,
        ),
        may_view=request.user.reaches(VIEW_AS),
        may_change=request.user.reaches("admin"),
    )


@get(f"{CUSTOMERS}.csv", opt=for_staff("support"))
async def export_customers(
    request: Request[StaffPrincipal, Any, Any], q: Search = "", only: FromQuery[Only] = ""
) -> Response[bytes]:
    """Give all that are found as a file. That it was taken is in the audit trail."""
    database: Database = request.app.state.database
    question = plain(q)
    rows = [_cells(customer) async for customer in every_customer(database, question, only)]
    by, details = by_staff(request), {"rows": len(rows), "only": only}
    await note_exported(database, "customers", details, trail=request.app.state.trail, by=by)
    return file_of("customers", HEAD, rows)


@post("/staff/view-as", opt=for_staff(VIEW_AS))
async def begin_view(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Wanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Look at what a member sees for an account, for half an hour. One that they may not act for is not found."""
    viewing = Viewing(data.member, data.account, utc_now() + VIEWED_FOR)
    answer = await _go_on(request, viewing, "/")
    if answer is None:
        raise NotFoundException
    return answer


@post("/staff/view-as/stop", opt=for_staff("none"))
async def stop_view(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """End the look, also for somebody whose role was taken meanwhile."""
    answer = await _go_on(request, None, CUSTOMERS)
    if answer is None:  # the session ended a moment ago, and must not come back like this
        raise SignInNeeded
    return answer


def state_of(customer: Customer) -> tuple[str, str]:
    """Say what is the matter with an account: the tone of its chip, and the words."""
    if customer.merged_into:
        return "idle", "Merged"
    if customer.is_ambiguous:
        return "warn", "To decide"
    return ("ok", "Linked") if customer.links else ("bad", "No link")


def _cells(customer: Customer) -> list[str]:
    seen = customer.seen_at.isoformat(timespec="seconds") if customer.seen_at else ""
    counts = (customer.people, customer.invited, customer.links)
    return [customer.id, customer.name, state_of(customer)[1], *map(str, counts), seen]


async def _go_on(request: Request[StaffPrincipal, Any, Any], viewing: Viewing | None, to: str) -> Response[str] | None:
    sessions: Sessions = request.app.state.sessions
    old = cookies.read(request.scope["headers"], cookies.SESSION)
    session_id = await sessions.view(old, viewing, address=address_of(request))
    if session_id is None:
        return None
    return see_other(to, cookie(cookies.SESSION, session_id))


ROUTES = [show_customers, export_customers, begin_view, stop_view]
