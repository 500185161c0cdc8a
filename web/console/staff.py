"""Who of the business may do what here: an owner lists people, and gives and takes roles."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.mailbox import ISSUER as MAILBOX
from auth.principals import ROLES, Role, StaffPrincipal
from auth.providers import Providers
from gateway.links import LinkError, Login
from gateway.settings import Settings
from gateway.staff import Colleague, LastOwner, StaffChanged, add_staff, change_role, staff_of
from web.caller import by_staff
from web.console.desk import CHANGED, ROLE_NAMES, desk
from web.redirects import see_other

STAFF = "/staff/settings/staff"
CLAIMED = "claimed"  # no role is listed: what their sign-in says counts
MAY: dict[Role, str] = {
    "none": "Can sign in, and do nothing.",
    "read-only": "Sees who the customers are, what needs somebody, and how each source is.",
    "support": "All that; decides about what could not be passed on, and looks at what a customer sees.",
    "admin": "All that, and decides about customers.",
    "owner": "Everything, staff and settings too.",
}
ALREADY = "They have this role already."
LAST_OWNER = "Nobody else is an owner. Make somebody else one first."
NO_ROLE = "Choose a role."
NO_SIGN_IN = "Choose where they sign in."


class Added(Struct, frozen=True):
    issuer: str = ""
    subject: str = ""
    name: str = ""
    role: str = ""


class Given(Struct, frozen=True):
    role: str = ""
    seen: str = CLAIMED


@get(STAFF, opt=for_staff("owner"))
async def show_staff(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await _page(request, Added())


@post(STAFF, opt=for_staff("owner"))
async def list_colleague(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Added, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """List somebody with a role, also before they ever sign in."""
    role = next((each for each in ROLES[1:] if each == data.role), None)
    if role is None:
        return await _page(request, data, NO_ROLE)
    if data.issuer not in await _issuers(request):
        return await _page(request, data, NO_SIGN_IN)
    login, name = Login(data.issuer, data.subject.strip()), " ".join(data.name.split())
    state, by = request.app.state, by_staff(request)
    try:
        is_new = await add_staff(
            state.database, trail=state.trail, by=by, login=login, role=role, now=utc_now(), name=name or None
        )
    except LinkError as error:
        return await _page(request, data, f"{str(error).capitalize()}.")
    return see_other(STAFF) if is_new else await _page(request, data, ALREADY)


@get(f"{STAFF}/{{staff_id:str}}", opt=for_staff("owner"))
async def show_colleague(request: Request[StaffPrincipal, Any, Any], staff_id: FromPath[str]) -> Response[str]:
    return await _one(request, staff_id)


@post(f"{STAFF}/{{staff_id:str}}", opt=for_staff("owner"))
async def give_role(
    request: Request[StaffPrincipal, Any, Any],
    staff_id: FromPath[str],
    data: Annotated[Given, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Give somebody a role, which acts with their next request."""
    if data.role not in {*ROLES, CLAIMED}:
        return await _one(request, staff_id, NO_ROLE)
    listed = next((each for each in ROLES if each == data.role), None)
    seen = None if data.seen == CLAIMED else data.seen
    state, by = request.app.state, by_staff(request)
    try:
        await change_role(state.database, trail=state.trail, by=by, staff_id=staff_id, role=listed, seen=seen)
    except LinkError as error:
        raise NotFoundException from error
    except StaffChanged:
        return await _one(request, staff_id, CHANGED, status_code=409)
    except LastOwner:
        return await _one(request, staff_id, LAST_OWNER)
    return see_other(STAFF)


async def _page(
    request: Request[StaffPrincipal, Any, Any], written: Added, problem: str | None = None
) -> Response[str]:
    return desk(
        request,
        "staff_staff.html",
        area="settings",
        status_code=422 if problem else 200,
        colleagues=await staff_of(request.app.state.database),
        issuers=await _issuers(request),
        role_names=ROLE_NAMES,
        may=MAY,
        written=written,
        problem=problem,
    )


async def _issuers(request: Request[StaffPrincipal, Any, Any]) -> list[str]:
    """Say where staff sign in: by the settings, and as far as anybody is known."""
    providers: Providers = request.app.state.providers
    known = [each.login.issuer for each in await staff_of(request.app.state.database)]
    settings: Settings = request.app.state.settings
    by_code = [MAILBOX] if settings.staff_codes else []
    return list(dict.fromkeys([*(each.issuer for each in providers.of_kind("staff")), *by_code, *known]))


async def _one(
    request: Request[StaffPrincipal, Any, Any], staff_id: str, problem: str | None = None, status_code: int = 422
) -> Response[str]:
    colleagues = await staff_of(request.app.state.database)
    found: Colleague | None = next((each for each in colleagues if each.id == staff_id), None)
    if found is None:
        raise NotFoundException
    return desk(
        request,
        "staff_colleague.html",
        area="settings",
        status_code=status_code if problem else 200,
        colleague=found,
        is_self=found.id == request.user.staff_id,
        role_names=ROLE_NAMES,
        may=MAY,
        problem=problem,
    )


ROUTES = [show_staff, list_colleague, show_colleague, give_role]
