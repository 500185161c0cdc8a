"""How each source is doing: how old what we know is, what was promised, and what it says."""

from typing import Any

from litestar import Request, Response, get

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.today import Today
from web.console.desk import desk
from web.console.today import SOURCES


@get(SOURCES, opt=for_staff("read-only"))
async def show_sources(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    today: Today = request.app.state.today
    day = await today.look_at_sources()
    return desk(request, "staff_sources.html", area="sources", sources=day.sources, now=day.now)


ROUTES = [show_sources]
