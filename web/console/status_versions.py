"""What staff say about statuses, tried on real records, and what was published: version by version, and back."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.dictionary.versions import DICTIONARIES
from gateway.feeds.rehearsing import Rehearsal, Rehearsing
from gateway.publishing import ChangedMeanwhileError
from gateway.wording import Words
from web.caller import by_staff
from web.console.finding import WholeInPath
from web.console.publishing import WRITES, Agreed, WentBack
from web.console.statuses import PAGES, STATUSES, edit_address
from web.redirects import see_other

REHEARSAL, VERSION = f"{STATUSES}/rehearsal", f"{PAGES.versions}/{{number:int}}"


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
    state = request.app.state
    draft = await DICTIONARIES.draft(state.database)
    try:
        await DICTIONARIES.publish_draft(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            now=utc_now(),
            seen=data.live,
            draft=data.draft,
            is_quiet=data.mails != "yes",
        )
    except ChangedMeanwhileError:
        return await _rehearsal(request, is_overtaken=True)
    state.offices.look_again()
    if data.mails == "yes":
        rehearsing: Rehearsing = state.rehearsing
        await rehearsing.tell(draft.live.content, draft.wanted)
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
    state = request.app.state
    rehearsing: Rehearsing = state.rehearsing

    async def rehearse(before: Words, after: Words) -> Rehearsal:
        return await rehearsing.rehearse(before, after, state.view.today())

    more = {"sends_mails": rehearsing.sends_mails, "edit": edit_address}
    return await PAGES.rehearsal(request, rehearse, is_overtaken=is_overtaken, more=more)


ROUTES = [show_rehearsal, publish, show_versions, show_version, restore]
