"""Where staff arrive. Their console is not open yet."""

from typing import Any

from litestar import Request, Response, get

from auth.guards import STAFF
from auth.principals import StaffPrincipal
from web.view import render

STAFF_HOME = "/staff"


@get(STAFF_HOME, opt=STAFF, include_in_schema=False)
async def show_staff_home(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return render(request, "staff.html")
