"""Where staff arrive: what needs them now, each with the next step, and how each source is doing."""

from typing import Any

from litestar import Request, Response, get
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.today import Day, Today
from web.console.desk import STAFF_HOME, desk
from web.console.matters import SOURCES, card_of
from web.words import count


@get(STAFF_HOME, opt=for_staff("none"))
async def show_today(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    who = request.user
    if not who.reaches("read-only"):
        return desk(request, "staff.html", area="today")
    today: Today = request.app.state.today
    day = await today.look()
    felt = [card_of(each, who) for each in day.matters if each.is_felt]
    others = [card_of(each, who) for each in day.matters if not each.is_felt]
    return desk(
        request,
        "staff_today.html",
        area="today",
        felt=felt,
        others=others,
        sources=day.sources,
        now=day.now,
        steps=() if day.beginning.is_visited else _first_steps(day, who),
    )


class Step(Struct, frozen=True, kw_only=True):
    """One of the first steps with a new portal. `href` None: it is somebody else's to do."""

    title: str
    text: str
    is_done: bool
    href: str | None
    button: str


def _first_steps(day: Day, who: StaffPrincipal) -> tuple[Step, ...]:
    """Say what to do until the first customer has been here."""
    many, unmapped = len(day.sources), sum(len(source.unmapped) for source in day.sources)
    is_owner, is_admin = who.reaches("owner"), who.reaches("admin")
    return (
        Step(
            title="Connect your systems",
            text=f"{count(many, 'system is', 'systems are')} connected."
            if many
            else "Each is tested before anything is saved.",
            is_done=many > 0,
            href=f"{SOURCES}/new" if is_owner else None,
            button="Connect another" if many else "Connect a system",
        ),
        Step(
            title="Read what customers will read",
            text="Each status of your systems has words for customers. Change those that are not yours.",
            is_done=many > 0 and not unmapped,
            href="/staff/statuses" if many else None,
            button="Statuses",
        ),
        Step(
            title="Say who is whose customer",
            text="Some customer is linked."
            if day.beginning.is_linked
            else "A list of addresses and customer numbers links and invites them.",
            is_done=day.beginning.is_linked,
            href="/staff/customers/import" if is_admin and many else None,
            button="Invite customers",
        ),
        Step(
            title="Have the first one sign in",
            text="Tell them where the portal is. You see here when they have come.",
            is_done=False,
            href="/staff/customers" if day.beginning.is_linked else None,
            button="Customers",
        ),
    )


ROUTES = [show_today]
