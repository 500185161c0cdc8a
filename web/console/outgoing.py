"""What customers sent to back offices, all of it: how far each thing is. What is stuck is decided under Requests."""

from typing import Any

from litestar import Request, Response, get

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.finding import PAGE
from gateway.outbox.listing import find
from web.console.deliveries import DELIVERIES
from web.console.desk import Paging, desk
from web.console.finding import MOST_EXPORTED, Filters, PageNumber, file_of, titles_of, wanted_of

OUTGOING = f"{DELIVERIES}/outgoing"
STATES = {
    "waiting": "Waiting",
    "sending": "Being sent",
    "sent": "Done",
    "needs_you": "Waits for the customer",
    "needs_staff": "Not sent",
    "unknown": "Can’t tell if sent",
    "cancelled": "Taken back",
}
ACTIONS = {
    "new_ticket": "New request",
    "reply": "Answer",
    "solve": "Close a request",
    "reopen": "Open a request again",
    "rate": "Whether a request is solved",
    "order_again": "Order again",
    "accept": "Accept a quote",
    "decline": "Decline a quote",
    "change_details": "Change of details",
}


@get(OUTGOING, opt=for_staff("support"))
async def show_outgoing(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
    page: PageNumber = 1,
) -> Response[str]:
    found = await find(request.app.state.database, wanted_of(request, filters), page)
    return desk(
        request,
        "staff_outgoing.html",
        area="deliveries",
        found=found.found,
        paging=Paging(path=OUTGOING, page=page, size=PAGE, count=found.count, asked=filters.asked()),
        filters=filters,
        titles=await titles_of(request),
        states=STATES,
        actions=ACTIONS,
    )


@get(f"{OUTGOING}.csv", opt=for_staff("support"))
async def export_outgoing(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
) -> Response[bytes]:
    found = await find(request.app.state.database, wanted_of(request, filters), 1, size=MOST_EXPORTED)
    head = ("reference", "written", "source", "what", "account", "state", "tries", "done", "number", "last problem")
    rows = [
        (
            each.reference,
            each.made_at.isoformat(),
            each.source,
            ACTIONS.get(each.action, each.action),
            each.account,
            STATES[each.state],
            str(each.tries),
            each.done_at.isoformat() if each.done_at else "",
            each.number or "",
            each.error or "",
        )
        for each in found.found
    ]
    return file_of("outgoing", head, rows)


ROUTES = [show_outgoing, export_outgoing]
