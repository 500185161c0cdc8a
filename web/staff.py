"""What all pages of staff share."""

from typing import Any

from litestar import Request, Response
from msgspec import Struct

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


PLACES = (
    Place(name="today", href=STAFF_HOME, icon="bell", title="Today", least="none"),
    Place(name="customers", href="/staff/customers", icon="account", title="Customers", least="read-only"),
    Place(name="requests", href="/staff/requests", icon="requests", title="Requests", least="support"),
    Place(name="sources", href="/staff/sources", icon="plug", title="Sources", least="read-only"),
    Place(name="pages", href="/staff/pages", icon="documents", title="Same page", least="support"),
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
