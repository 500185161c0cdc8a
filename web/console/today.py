"""Where staff arrive: what needs them now, each with the next step, and how each source is doing."""

from typing import Any

from litestar import Request, Response, get

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.today import Today
from web.console.desk import STAFF_HOME, desk
from web.console.matters import card_of


@get(STAFF_HOME, opt=for_staff("none"))
async def show_today(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    who = request.user
    if not who.reaches("read-only"):
        return desk(request, "staff.html", area="today")
    today: Today = request.app.state.today
    day = await today.look()
    felt = [card_of(each, who) for each in day.matters if each.is_felt]
    others = [card_of(each, who) for each in day.matters if not each.is_felt]
    return desk(request, "staff_today.html", area="today", felt=felt, others=others, sources=day.sources, now=day.now)


ROUTES = [show_today]
