"""Who the customers are, and a look at what one of them sees."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, Parameter
from msgspec import Struct

from auth import cookies
from auth.clock import utc_now
from auth.guards import SignInNeeded, for_staff
from auth.principals import VIEW_AS, StaffPrincipal, Viewing
from auth.sessions import Sessions
from gateway.customers import PAGE, customers_of
from gateway.records.database import Database
from web.caller import address_of
from web.console.desk import Paging, desk
from web.redirects import cookie, see_other

CUSTOMERS = "/staff/customers"
VIEWED_FOR = timedelta(minutes=30)  # at most, and then somebody may begin again
LAST_PAGE = 100_000


class Wanted(Struct, frozen=True):
    member: str
    account: str


@get(CUSTOMERS, opt=for_staff("read-only"))
async def show_customers(
    request: Request[StaffPrincipal, Any, Any],
    q: Annotated[str, Parameter(max_length=100)] = "",
    page: Annotated[int, Parameter(ge=1, le=LAST_PAGE)] = 1,
) -> Response[str]:
    database: Database = request.app.state.database
    question = " ".join(q.replace("\0", " ").split())
    customers = await customers_of(database, question, page)
    return desk(
        request,
        "staff_customers.html",
        area="customers",
        question=question,
        customers=customers.found,
        paging=Paging(path=CUSTOMERS, page=page, size=PAGE, count=customers.count, asked={"q": question}),
        may_view=request.user.reaches(VIEW_AS),
    )


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


async def _go_on(request: Request[StaffPrincipal, Any, Any], viewing: Viewing | None, to: str) -> Response[str] | None:
    sessions: Sessions = request.app.state.sessions
    old = cookies.read(request.scope["headers"], cookies.SESSION)
    session_id = await sessions.view(old, viewing, address=address_of(request))
    if session_id is None:
        return None
    return see_other(to, cookie(cookies.SESSION, session_id))


ROUTES = [show_customers, begin_view, stop_view]
