"""What customers sent and we could not pass on by ourselves: staff look at it, and say what has become of it."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.outbox.stuck import STUCK, StuckError, look_at, send_again, stuck
from gateway.outbox.stuck import settle as settle_it
from web.caller import by_staff
from web.console.desk import desk
from web.console.matters import REQUESTS
from web.redirects import see_other

LONGEST = 60  # characters of a number
MISSING = "Give the number that it has there, so that the customer can name it."


class Settled(Struct, frozen=True):
    number: Annotated[str, Meta(max_length=LONGEST)] = ""


@get(REQUESTS, opt=for_staff("support"))
async def show_stuck(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    found = await stuck(request.app.state.database)
    return desk(request, "staff_requests.html", area="requests", stuck=found)


@get(f"{REQUESTS}/{{reference:str}}", opt=for_staff("support"))
async def show_stopped(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str]) -> Response[str]:
    """Show what a customer wrote. Each look is in the audit trail."""
    return await _page(request, reference)


@post(f"{REQUESTS}/{{reference:str}}/resend", opt=for_staff("support"))
async def resend(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str]) -> Response[str]:
    """Have it sent as if for the first time: it had not arrived. Where somebody was quicker, the page says so."""
    state, by = request.app.state, by_staff(request)
    try:
        await send_again(state.database, trail=state.trail, by=by, reference=reference, now=utc_now())
    except StuckError:
        return see_other(f"{REQUESTS}/{reference}")
    return see_other(REQUESTS)


@post(f"{REQUESTS}/{{reference:str}}/settle", opt=for_staff("support"))
async def settle(
    request: Request[StaffPrincipal, Any, Any],
    reference: FromPath[str],
    data: Annotated[Settled, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Note that it is done over there. Where somebody was quicker, the page says so."""
    number = " ".join(data.number.split())
    if not number:
        return await _page(request, reference, problem=MISSING)
    state, by = request.app.state, by_staff(request)
    try:
        await settle_it(state.database, trail=state.trail, by=by, reference=reference, number=number, now=utc_now())
    except StuckError:
        return see_other(f"{REQUESTS}/{reference}")
    return see_other(REQUESTS)


async def _page(
    request: Request[StaffPrincipal, Any, Any], reference: str, problem: str | None = None
) -> Response[str]:
    state = request.app.state
    try:
        found = await look_at(state.database, trail=state.trail, by=by_staff(request), reference=reference)
    except StuckError as error:
        raise NotFoundException from error
    office = (await state.offices.all()).get(found.source)
    return desk(
        request,
        "staff_request.html",
        area="requests",
        status_code=422 if problem else 200,
        found=found,
        is_open=found.state in STUCK,
        title=office.title if office else found.source,
        problem=problem,
    )


ROUTES = [show_stuck, show_stopped, resend, settle]
