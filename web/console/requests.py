"""What customers sent and we could not pass on by ourselves: a queue of it, and a page of each thing that they sent."""

from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from gateway.outbox.claims import claims_now, deciders
from gateway.outbox.listing import tell
from gateway.outbox.stuck import STUCK, StuckError, look_at, stuck
from web.caller import by_staff
from web.console.desk import desk
from web.console.finding import titles_of
from web.console.mails import EVENTS
from web.console.mails import STATES as MAIL_STATES
from web.console.matters import REQUESTS
from web.console.request_words import ACTIONS, HAPPENED, MEANS, STATES

LOOKS_AT_CONTENTS: Role = "admin"  # of what needs nobody; who decides about the others has to read them
MOST_SHOWN = 200


@get(REQUESTS, opt=for_staff("support"))
async def show_stuck(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    database = request.app.state.database
    return desk(
        request,
        "staff_requests.html",
        area="requests",
        stuck=await stuck(database, most=MOST_SHOWN),
        claims=await claims_now(database, utc_now()),
        me=by_staff(request).who,
        titles=await titles_of(request),
        actions=ACTIONS,
        states=STATES,
        most=MOST_SHOWN,
    )


@get(f"{REQUESTS}/{{reference:str}}", opt=for_staff("support"))
async def show_request(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str]) -> Response[str]:
    """Tell all that happened to it. What a customer wrote is shown of what waits for staff, which the trail is told."""
    return await request_page(request, reference)


@get(f"{REQUESTS}/{{reference:str}}/contents", opt=for_staff(LOOKS_AT_CONTENTS))
async def show_contents(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str]) -> Response[str]:
    """Show also what a customer wrote. Each look is in the audit trail."""
    return await request_page(request, reference, is_read=True)


async def request_page(
    request: Request[StaffPrincipal, Any, Any],
    reference: str,
    *,
    is_read: bool = False,
    problem: tuple[str, str] | None = None,
    written: str = "",
    status_code: int = 200,
) -> Response[str]:
    """Show one. `problem` is about a field, or about what was done if the field is "". Raises `NotFoundException`."""
    state, by = request.app.state, by_staff(request)
    try:
        told = await tell(state.database, reference, utc_now())
        is_open = told.sent.state in STUCK
        found = None
        if is_open or is_read:
            found = await look_at(state.database, trail=state.trail, by=by, reference=reference)
    except StuckError as error:
        raise NotFoundException from error
    titles = await titles_of(request)
    office = (await state.offices.all()).get(told.sent.source)
    return desk(
        request,
        "staff_request.html",
        area="requests",
        status_code=status_code,
        told=told,
        found=found,
        is_open=is_open,
        may_look=request.user.reaches(LOOKS_AT_CONTENTS),
        is_mine=told.claim is not None and told.claim.by == by.who,
        colleagues=[each for each in await deciders(state.database) if each[0] != by.who] if is_open else [],
        title=titles.get(told.sent.source, told.sent.source),
        there=office.ticket_page(told.sent.record)
        if office and told.sent.record and _is_ticket(told.sent.action)
        else None,
        problem=problem,
        written=written,
        states=STATES,
        means=MEANS,
        actions=ACTIONS,
        happened=HAPPENED,
        events=EVENTS,
        mail_states=MAIL_STATES,
    )


def _is_ticket(action: str) -> bool:
    return action in {"new_ticket", "reply", "solve", "reopen", "rate"}


ROUTES = [show_stuck, show_request, show_contents]
