"""What back offices told us: found, looked at, and done once more."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from connectors.deliveries import Event
from gateway.finding import PAGE
from gateway.webhooks.desk import (
    MOST_REPLAYED,
    NoDelivery,
    find,
    look_at,
    one,
    refused,
    replayable,
)
from gateway.webhooks.desk import replay as replay_them
from gateway.webhooks.reasons import MEANS, WHY
from web.caller import by_staff
from web.console.desk import Paging, Question, confirm, desk
from web.console.finding import MOST_EXPORTED, Done, Filters, PageNumber, Range, file_of, titles_of, wanted_of
from web.redirects import see_other
from web.words import count

DELIVERIES = "/staff/deliveries"
REFUSED = f"{DELIVERIES}/refused"
LOOKS_AT_RAW: Role = "admin"
STATES = {"waiting": "Waiting", "done": "Processed", "dead": "Given up"}
KINDS = {"orders": "order", "invoices": "invoice", "tickets": "request"}


@get(DELIVERIES, opt=for_staff("support"))
async def show_incoming(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
    page: PageNumber = 1,
    done: Done = 0,
) -> Response[str]:
    """List what came and was proven. `done` is what a replay has just begun with."""
    found = await find(request.app.state.database, wanted_of(request, filters), page)
    asked = filters.asked()
    return desk(
        request,
        "staff_deliveries.html",
        area="deliveries",
        found=found.found,
        paging=Paging(path=DELIVERIES, page=page, size=PAGE, count=found.count, asked=asked),
        replay=Paging(path=f"{DELIVERIES}/replay", page=1, size=PAGE, count=0, asked=asked).at(1),
        filters=filters,
        titles=await titles_of(request),
        states=STATES,
        done=done,
        told=said,
    )


@get(f"{DELIVERIES}.csv", opt=for_staff("support"))
async def export_incoming(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
) -> Response[bytes]:
    found = await find(request.app.state.database, wanted_of(request, filters), 1, size=MOST_EXPORTED)
    head = ("id", "received", "source", "their id", "about", "state", "tries", "ended", "done again", "last problem")
    rows = [
        (
            each.id,
            each.received_at.isoformat(),
            each.source,
            each.theirs or "",
            "; ".join(map(said, each.events)),
            STATES[each.state],
            str(each.tries),
            each.ended_at.isoformat() if each.ended_at else "",
            each.replayed_at.isoformat() if each.replayed_at else "",
            each.error or "",
        )
        for each in found.found
    ]
    return file_of("deliveries", head, rows)


@get(REFUSED, opt=for_staff("support"))
async def show_refused(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
    page: PageNumber = 1,
) -> Response[str]:
    """List what was refused, by the hour and the reason, which is what `status` says here."""
    found = await refused(request.app.state.database, wanted_of(request, filters), filters.status, page)
    return desk(
        request,
        "staff_refused.html",
        area="deliveries",
        found=found.found,
        paging=Paging(path=REFUSED, page=page, size=PAGE, count=found.count, asked=filters.asked()),
        filters=filters,
        titles=await titles_of(request),
        states={reason: words.capitalize() for reason, words in WHY.items()},
        means=MEANS,
    )


@get(f"{REFUSED}.csv", opt=for_staff("support"))
async def export_refused(request: Request[StaffPrincipal, Any, Any], filters: Filters) -> Response[bytes]:
    wanted = wanted_of(request, filters)
    found = await refused(request.app.state.database, wanted, filters.status, 1, size=MOST_EXPORTED)
    head = ("hour", "last one", "source", "reason", "how many", "the last one")
    rows = [
        (
            each.hour.isoformat(),
            each.last_at.isoformat() if each.last_at else "",
            each.source,
            WHY.get(each.reason, each.reason),
            str(each.times),
            each.detail,
        )
        for each in found.found
    ]
    return file_of("refused", head, rows)


@get(f"{DELIVERIES}/incoming/{{delivery:str}}", opt=for_staff("support"))
async def show_delivery(request: Request[StaffPrincipal, Any, Any], delivery: FromPath[str]) -> Response[str]:
    try:
        found = await one(request.app.state.database, delivery)
    except NoDelivery as error:
        raise NotFoundException from error
    return await _page(request, found=found, raw=None, is_raw=False)


@get(f"{DELIVERIES}/incoming/{{delivery:str}}/raw", opt=for_staff(LOOKS_AT_RAW))
async def show_raw(request: Request[StaffPrincipal, Any, Any], delivery: FromPath[str]) -> Response[str]:
    """Show also what it said, without its secrets. Each look is in the audit trail."""
    state = request.app.state
    try:
        found, raw = await look_at(state.database, trail=state.trail, by=by_staff(request), id_=delivery)
    except NoDelivery as error:
        raise NotFoundException from error
    return await _page(request, found=found, raw=raw, is_raw=True)


@get(f"{DELIVERIES}/replay", opt=for_staff("support"))
async def ask_replay(
    request: Request[StaffPrincipal, Any, Any],
    filters: Filters,
) -> Response[str]:
    """Say how many a replay would be about, and ask."""
    batch = await replayable(request.app.state.database, wanted_of(request, filters))
    back = (
        f"{DELIVERIES}/incoming/{filters.id}"
        if filters.id
        else Paging(path=DELIVERIES, page=1, size=PAGE, count=0, asked=filters.asked()).at(1)
    )
    many = count(batch.many, "delivery", "deliveries")
    are = "is" if batch.many == 1 else "are"
    effects: tuple[str, ...] = (
        f"{many} {are} followed once more: the system is asked again for what is named.",
        "Nothing is taken from the deliveries themselves, so an old one can’t bring back old figures.",
        "It is written to the audit trail with your name.",
    )
    if batch.many == MOST_REPLAYED:
        effects = (f"There may be more: at once it is the latest {batch.many} at the most.", *effects)
    question = Question(
        title=f"Replay {many}?" if batch.many else "Nothing to replay",
        text="Copies are still known as copies, and what waits already is left alone. It does no harm to do it again."
        if batch.many
        else "What fits waits already, or there is nothing that fits.",
        effects=effects if batch.many else (),
        action=f"{DELIVERIES}/replay",
        button=f"Replay {many}",
        back=back,
        fields={**filters.asked(), **({"id": filters.id} if filters.id else {}), "upto": batch.upto},
    )
    return confirm(request, "deliveries", question)


@post(f"{DELIVERIES}/replay", opt=for_staff("support"))
async def replay(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Range, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    state = request.app.state
    wanted = wanted_of(request, data)
    many = await replay_them(
        state.database, trail=state.trail, by=by_staff(request), wanted=wanted, upto=data.upto, now=utc_now()
    )
    return see_other(f"{DELIVERIES}/incoming/{data.id}" if data.id else f"{DELIVERIES}?done={many}")


def said(event: Event) -> str:
    """Say what an event is about."""
    record = f"{KINDS[event.kind]} {event.record}" if event.record else f"{KINDS[event.kind]}s"
    customers = ", ".join(sorted(event.customers))
    return f"{record} of customer {customers}" if customers else record


async def _page(request: Request[StaffPrincipal, Any, Any], **context: Any) -> Response[str]:  # noqa: ANN401
    titles: Mapping[str, str] = await titles_of(request)
    return desk(
        request,
        "staff_delivery.html",
        area="deliveries",
        titles=titles,
        states=STATES,
        told=said,
        may_look=request.user.reaches(LOOKS_AT_RAW),
        **context,
    )


ROUTES = [
    show_incoming,
    export_incoming,
    show_refused,
    export_refused,
    show_delivery,
    show_raw,
    ask_replay,
    replay,
]
