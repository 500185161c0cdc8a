"""What customers see, as drafted, tried on real records, and what was published: version by version, and back."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.feeds.showing import Showing
from gateway.publishing import ChangedMeanwhileError
from gateway.seeing.versions import POLICIES
from web.caller import by_staff
from web.console.finding import WholeInPath
from web.console.publishing import WRITES, Agreed, WentBack
from web.console.seen_form import name_of
from web.console.visible import PAGES, VISIBLE
from web.redirects import see_other

REHEARSAL, VERSION = f"{VISIBLE}/rehearsal", f"{PAGES.versions}/{{number:int}}"


@get(REHEARSAL, opt=for_staff(WRITES))
async def show_rehearsal(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Try the draft on the records of the last 90 days."""
    return await _rehearsal(request)


@post(REHEARSAL, opt=for_staff(WRITES))
async def publish(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Agreed, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Publish the draft that was tried. Where it, or what counts, is another one meanwhile, it is tried again."""
    state, by = request.app.state, by_staff(request)
    try:
        await POLICIES.publish_draft(
            state.database, trail=state.trail, by=by, now=utc_now(), seen=data.live, draft=data.draft
        )
    except ChangedMeanwhileError:
        return await _rehearsal(request, is_overtaken=True)
    state.offices.look_again()
    return see_other(PAGES.versions)


@get(PAGES.versions, opt=for_staff("read-only"))
async def show_versions(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await PAGES.all(request)


@get(VERSION, opt=for_staff("read-only"))
async def show_version(request: Request[StaffPrincipal, Any, Any], number: WholeInPath) -> Response[str]:
    return await PAGES.one(request, number)


@post(VERSION, opt=for_staff(WRITES))
async def restore(
    request: Request[StaffPrincipal, Any, Any],
    number: WholeInPath,
    data: Annotated[WentBack, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    return await PAGES.restore(request, number, data.live)


async def _rehearsal(request: Request[StaffPrincipal, Any, Any], *, is_overtaken: bool = False) -> Response[str]:
    showing: Showing = request.app.state.showing
    more = {"name_of": name_of}
    return await PAGES.rehearsal(request, showing.rehearse, is_overtaken=is_overtaken, more=more)


ROUTES = [show_rehearsal, publish, show_versions, show_version, restore]
