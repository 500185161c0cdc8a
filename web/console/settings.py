"""What staff set for the whole portal: a page that leads to the pages of it."""

from typing import Any

from litestar import Request, Response, get
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from web.console.appearance import APPEARANCE
from web.console.desk import desk
from web.console.keys import KEYS
from web.console.messages import MESSAGES
from web.console.retention import RETENTION
from web.console.staff import STAFF

SETTINGS = "/staff/settings"


class Setting(Struct, frozen=True, kw_only=True):
    """One page of settings, offered to those whose role opens it."""

    href: str
    icon: str
    title: str
    text: str
    least: Role


PAGES = (
    Setting(
        href=APPEARANCE,
        icon="eye",
        title="Brand and contact",
        text="Name, colours, logo, whom customers can talk to, office hours.",
        least="owner",
    ),
    Setting(
        href=MESSAGES,
        icon="mail",
        title="Messages to customers",
        text="What they are told, and what mails say.",
        least="admin",
    ),
    Setting(href=STAFF, icon="account", title="Staff", text="Who may do what here.", least="owner"),
    Setting(href=KEYS, icon="key", title="Keys", text="What seals stored secrets, and how to renew it.", least="owner"),
    Setting(href=RETENTION, icon="clock", title="Retention", text="How long Hallway keeps what.", least="admin"),
)


@get(SETTINGS, opt=for_staff("admin"))
async def show_settings(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    pages = [page for page in PAGES if request.user.reaches(page.least)]
    return desk(request, "staff_settings.html", area="settings", pages=pages)


ROUTES = [show_settings]
