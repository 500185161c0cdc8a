"""Where staff arrive, and what all of their pages share."""

from typing import Any

from litestar import Request, Response, get
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from web.view import render

STAFF_HOME = "/staff"
ROLE_NAMES: dict[Role, str] = {
    "none": "No role",
    "read-only": "Read-only",
    "support": "Support",
    "admin": "Admin",
    "owner": "Owner",
}


class Place(Struct, frozen=True, kw_only=True):
    """One page of staff's, as the navigation offers it to those whose role opens it."""

    name: str
    href: str
    icon: str
    title: str
    least: Role
    meaning: str


PLACES = (
    Place(name="start", href=STAFF_HOME, icon="home", title="Start", least="none", meaning=""),
    Place(
        name="customers",
        href="/staff/customers",
        icon="account",
        title="Customers",
        least="read-only",
        meaning="Find an account or a person, and see what they see.",
    ),
    Place(
        name="pages",
        href="/staff/pages",
        icon="documents",
        title="Same page",
        least="support",
        meaning="Enter the code from a customer’s page, and see that very page.",
    ),
)


def desk(
    request: Request[StaffPrincipal, Any, Any],
    template: str,
    *,
    area: str,
    status_code: int = 200,
    **context: Any,  # noqa: ANN401  # what a template needs differs from page to page
) -> Response[str]:
    """Answer with a page of staff's."""
    who = request.user
    return render(
        request,
        template,
        status_code=status_code,
        area=area,
        console=[place for place in PLACES if who.reaches(place.least)],
        role_name=ROLE_NAMES[who.role],
        **context,
    )


@get(STAFF_HOME, opt=for_staff("none"), include_in_schema=False)
async def show_staff_home(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return desk(request, "staff.html", area="start")
