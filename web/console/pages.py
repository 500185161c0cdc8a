"""The same page as the customer's: staff enter the code that stands on it, and see what the customer saw then."""

import base64
import hashlib
import re
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import TooManyRequestsException
from litestar.params import Body
from msgspec import Struct

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from auth.rate_limit import WINDOW, RateLimit
from gateway.audit import Trail
from gateway.page_codes import read_code, spelled
from gateway.page_rows import PLACE, Found, Look, look_up
from gateway.records.database import Database
from web.caller import by_staff
from web.console.desk import desk
from web.headers import CONTENT_POLICY
from web.statics import Asset

LOOK_UPS_PER_MINUTE = 30  # by one of staff
SHEETS = ("tokens.css", "hallway.css", "brand.css")
LOADED = re.compile(r"<script\b[^>]*></script>\n?|<link\b[^>]*>\n?")  # of our own head: nothing is loaded any more
LINKED = re.compile(r'(<a\b[^>]*?)\shref="[^"]*"')
LOGO = re.compile(r'src="/static/logo\?[^"]*"')


class Asked(Struct, frozen=True):
    code: str


@get("/staff/pages", opt=for_staff("support"), include_in_schema=False)
async def show_page_form(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return desk(request, "staff_pages.html", area="pages", asked="", problem=None)


@post("/staff/pages", opt=for_staff("support"), include_in_schema=False, status_code=200)
async def show_page_seen(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Asked, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Show a page by its code, which stays out of addresses. Each look-up is in the audit trail, found or not."""
    tries: RateLimit = request.app.state.page_tries
    if not await tries.allows(request.user.staff_id):
        raise TooManyRequestsException(headers={"Retry-After": str(WINDOW)})
    code = read_code(data.code)
    if code is None:
        problem = "A code has nine letters and digits, such as K7M 2QX 9TD. Ask for it once more."
        return desk(request, "staff_pages.html", area="pages", asked=data.code[:40], problem=problem)
    database: Database = request.app.state.database
    trail: Trail = request.app.state.trail
    found = await look_up(database, code, trail=trail, by=by_staff(request))
    if found is None:
        problem = "No page has this code, or it is too long ago. Compare it with the page once more."
        return desk(request, "staff_pages.html", area="pages", asked=spelled(code), problem=problem)
    response = desk(
        request, "staff_page.html", area="pages", found=found, code=spelled(code), frame=framed(found, spelled(code))
    )
    response.set_header("Content-Security-Policy", _policy(found.look))
    return response


def look_of(assets: dict[str, Asset]) -> Look:
    """Say how pages look today, in one text that needs nothing else."""
    logo = assets.get("logo")
    data = f"data:{logo.media_type};base64,{base64.b64encode(logo.body).decode()}" if logo else None
    return Look(css="\n".join(assets[name].body.decode() for name in SHEETS), logo=data)


def framed(found: Found, code: str) -> str:
    """Make a document of a stored page for a sandboxed frame: nothing runs, nothing is loaded, no link leads anywhere.

    Links lose their address; were one to keep it, it would want a new window, and the sandbox allows none.
    """
    head, end, body = found.html.partition("</head>")
    style = f'<base target="_blank"><style>{found.look.css}</style>'
    html = LOADED.sub("", head) + style + end + LINKED.sub(r"\1", body)
    return LOGO.sub(f'src="{found.look.logo}"', html).replace(PLACE, code)


def _policy(look: Look) -> str:
    """Let through the one style sheet of then; a frame of this kind has its page's policy."""
    digest = base64.b64encode(hashlib.sha256(look.css.encode()).digest()).decode()
    policy = CONTENT_POLICY.replace("style-src 'self'", f"style-src 'self' 'sha256-{digest}'")
    return policy.replace("img-src 'self'", "img-src 'self' data:")


ROUTES = [show_page_form, show_page_seen]
