"""The draft of what customers see tried on real records, and what was published: version by version, and back."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from cache.client import CacheDown
from gateway.dictionary.versions import ChangedMeanwhileError, names_of
from gateway.feeds.showing import Showing, Trial
from gateway.seeing import versions
from gateway.seeing.differences import differences
from gateway.seeing.draft import read_draft
from web.caller import by_staff
from web.console.desk import desk
from web.console.finding import Whole, WholeInPath
from web.console.seen_changes import changes_of
from web.console.seen_form import name_of
from web.console.statuses import OVERTAKEN
from web.console.visible import VISIBLE, WRITES
from web.redirects import see_other

REHEARSAL, VERSIONS = f"{VISIBLE}/rehearsal", f"{VISIBLE}/versions"


class Agreed(Struct, frozen=True):
    """What is to be published: the draft and the version that counted, as they were tried."""

    draft: Whole = 0
    live: Whole = 0


class Seen(Struct, frozen=True):
    live: Whole = 0


@get(REHEARSAL, opt=for_staff(WRITES))
async def show_rehearsal(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Try the draft on the records of the last 90 days. Each try is in the audit trail: it names records."""
    return await _rehearsal(request)


@post(REHEARSAL, opt=for_staff(WRITES))
async def publish(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Agreed, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Publish the draft that was tried. Where it, or what counts, is another one meanwhile, it is tried again."""
    state = request.app.state
    try:
        await versions.publish_draft(
            state.database, trail=state.trail, by=by_staff(request), now=utc_now(), seen=data.live, draft=data.draft
        )
    except ChangedMeanwhileError:
        return await _rehearsal(request, is_overtaken=True)
    state.offices.look_again()
    return see_other(VERSIONS)


@get(VERSIONS, opt=for_staff("read-only"))
async def show_versions(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    database = request.app.state.database
    found = await versions.latest(database)
    former = {each.number: each for each in (*found, versions.NONE_YET)}
    counts = {
        each.number: len(differences(former[each.number - 1].policy, each.policy))
        for each in found
        if each.number - 1 in former
    }
    names = await names_of(database, (each.made_by for each in found))
    return desk(request, "staff_visible_versions.html", area="visible", versions=found, names=names, counts=counts)


@get(f"{VERSIONS}/{{number:int}}", opt=for_staff("read-only"))
async def show_version(request: Request[StaffPrincipal, Any, Any], number: WholeInPath) -> Response[str]:
    return await _version(request, number)


@post(f"{VERSIONS}/{{number:int}}", opt=for_staff(WRITES))
async def restore(
    request: Request[StaffPrincipal, Any, Any],
    number: WholeInPath,
    data: Annotated[Seen, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Make a new version of an old one, if what counts is still what the page said."""
    state = request.app.state
    if await versions.version(state.database, number) is None:
        raise NotFoundException
    try:
        await versions.restore(
            state.database, number, trail=state.trail, by=by_staff(request), now=utc_now(), seen=data.live
        )
    except ChangedMeanwhileError:
        return await _version(request, number, is_overtaken=True)
    state.offices.look_again()
    return see_other(VERSIONS)


async def _rehearsal(request: Request[StaffPrincipal, Any, Any], *, is_overtaken: bool = False) -> Response[str]:
    state = request.app.state
    draft = await read_draft(state.database)
    if draft.policy is None:
        return see_other(VISIBLE)
    showing: Showing = state.showing
    found: Trial | None = None
    try:
        found = await showing.rehearse(draft.live.policy, draft.policy)
    except CacheDown:  # nothing is kept that it could be tried on
        found = None
    await versions.note_rehearsal(state.database, trail=state.trail, by=by_staff(request), draft=draft.version)
    return desk(
        request,
        "staff_visible_rehearsal.html",
        area="visible",
        status_code=409 if is_overtaken else 200,
        draft=draft,
        changes=changes_of(differences(draft.live.policy, draft.policy)),
        found=found,
        groups=[(name_of(each.what), each) for each in found.groups] if found else [],
        overtaken=OVERTAKEN if is_overtaken else None,
    )


async def _version(
    request: Request[StaffPrincipal, Any, Any], number: int, *, is_overtaken: bool = False
) -> Response[str]:
    database = request.app.state.database
    found, live = await versions.version(database, number), await versions.live(database)
    former = await versions.version(database, number - 1) if number else None
    if found is None:
        raise NotFoundException
    return desk(
        request,
        "staff_visible_version.html",
        area="visible",
        status_code=409 if is_overtaken else 200,
        version=found,
        live=live.number,
        names=await names_of(database, [found.made_by]),
        changed=changes_of(differences(former.policy, found.policy)) if former else [],
        back=changes_of(differences(live.policy, found.policy)) if live.number != number else [],
        may_write=request.user.reaches(WRITES),
        overtaken=OVERTAKEN if is_overtaken else None,
    )


ROUTES = [show_rehearsal, publish, show_versions, show_version, restore]
