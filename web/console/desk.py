"""What all pages of staff share."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec import Struct

from auth.principals import Role, StaffPrincipal
from web.view import render

STAFF_HOME = "/staff"
CHANGED = "Somebody changed this after you opened it. What you see is how it is now."
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


class Paging(Struct, frozen=True, kw_only=True):
    """Where somebody is in a long table: `page` counts from 1, `asked` is what the address says besides."""

    path: str
    page: int
    size: int
    count: int  # of all rows that match
    asked: Mapping[str, str] = {}
    is_more: bool = False  # there are more than were counted

    @property
    def first(self) -> int:
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        return min(self.page * self.size, self.count)

    @property
    def export(self) -> str:
        """Where the whole table is a file, with the same filters."""
        return self._to(f"{self.path}.csv", {})

    def at(self, page: int) -> str:
        return self._to(self.path, {"page": str(page)} if page > 1 else {})

    def _to(self, path: str, more: Mapping[str, str]) -> str:
        query = urlencode({name: value for name, value in self.asked.items() if value} | dict(more))
        return f"{path}?{query}" if query else path


class Sure(Struct, frozen=True):
    """Whether the page that asks was answered."""

    sure: str = ""


Answer = Annotated[Sure, Body(media_type=RequestEncodingType.URL_ENCODED)]


class Question(Struct, frozen=True, kw_only=True):
    """What staff are asked before something is done that cannot be taken back."""

    title: str
    text: str
    effects: tuple[str, ...]  # what will happen, and to whom
    action: str  # the address of the form
    button: str
    back: str
    fields: Mapping[str, str] = {}  # hidden ones, besides the token
    is_loss: bool = False  # something is gone then


PLACES = (
    Place(name="today", href=STAFF_HOME, icon="bell", title="Today", least="none"),
    Place(name="customers", href="/staff/customers", icon="account", title="Customers", least="read-only"),
    Place(name="requests", href="/staff/requests", icon="requests", title="Requests", least="support"),
    Place(name="sources", href="/staff/sources", icon="plug", title="Sources", least="read-only"),
    Place(name="statuses", href="/staff/statuses", icon="tag", title="Statuses", least="read-only"),
    Place(name="visible", href="/staff/visible", icon="eye", title="What customers see", least="read-only"),
    Place(name="languages", href="/staff/languages", icon="globe", title="Languages", least="read-only"),
    Place(name="deliveries", href="/staff/deliveries", icon="exchange", title="Deliveries", least="support"),
    Place(name="audit", href="/staff/audit", icon="file", title="Audit", least="admin"),
    Place(name="settings", href="/staff/settings", icon="settings", title="Settings", least="admin"),
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


def confirm(
    request: Request[StaffPrincipal, Any, Any], area: str, question: Question, *, status_code: int = 200
) -> Response[str]:
    return desk(request, "staff_confirm.html", area=area, status_code=status_code, question=question)
