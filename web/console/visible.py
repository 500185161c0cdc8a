"""What customers see: how far anybody's rights reach, and which parts of records are shown, written as a draft."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec.structs import replace

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.publishing import OVERTAKEN, ChangedMeanwhileError, Draft
from gateway.seeing.differences import differences
from gateway.seeing.versions import POLICIES
from gateway.segments import Policy, Seen
from gateway.topics.changes import topics as read_topics
from web.caller import by_staff
from web.console.desk import desk
from web.console.finding import version_of
from web.console.publishing import WRITES, Called, Opened, Pages
from web.console.seen_changes import ELSE, changes_of
from web.console.seen_form import seen_context, seen_in
from web.redirects import see_other

VISIBLE = "/staff/visible"
DISCARD = f"{VISIBLE}/discard"

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


PAGES = Pages(
    published=POLICIES,
    area="visible",
    path=VISIBLE,
    templates="staff_visible",
    changes=lambda before, after, called: changes_of(differences(before, after), called),
)


@get(VISIBLE, opt=for_staff("read-only"))
async def show_visible(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    draft = await POLICIES.draft(request.app.state.database)
    return await _page(request, draft, draft.wanted.everybody)


@post(VISIBLE, opt=for_staff(WRITES))
async def change_visible(request: Request[StaffPrincipal, Any, Any], data: Form) -> Response[str]:
    """Put it into the draft, which is true for nobody before it is published."""
    state = request.app.state
    seen, problems = seen_in(data, await read_topics(state.database))
    if problems:
        return await _page(request, await POLICIES.draft(state.database), seen, data, problems, status_code=422)
    try:
        await POLICIES.change_draft(
            state.database,
            lambda policy: replace(policy, everybody=seen),
            trail=state.trail,
            by=by_staff(request),
            now=utc_now(),
            seen=version_in(data),
        )
    except ChangedMeanwhileError:
        return await _page(request, await POLICIES.draft(state.database), seen, data, status_code=409)
    return see_other(VISIBLE)


@get(DISCARD, opt=for_staff(WRITES))
async def ask_discard(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await PAGES.ask_discard(request, "Customers notice nothing: they see what is published.", _thrown_away)


@post(DISCARD, opt=for_staff(WRITES))
async def discard(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Opened, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    return await PAGES.discard(request, data.version)


def version_in(data: dict[str, str]) -> int:
    return max(0, version_of(data.get("version", "")))


def _thrown_away(published: Policy, wanted: Policy) -> list[str]:
    changes = changes_of(differences(published, wanted), Called())
    names = (each.what if each.segment == ELSE else f"{each.what} ({each.segment})" for each in changes)
    kept = {segment.name for segment in published.segments}
    lost = (segment.title for segment in wanted.segments if segment.name not in kept)
    return [
        *(f"{name}: stays as it is published" for name in names),
        *(f"What messages have otherwise for “{title}” goes with it" for title in lost),
    ]


async def _page(
    request: Request[StaffPrincipal, Any, Any],
    draft: Draft[Policy],
    seen: Seen,
    data: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    *,
    status_code: int = 200,
) -> Response[str]:
    return desk(
        request,
        "staff_visible.html",
        area="visible",
        status_code=status_code,
        draft=draft,
        changes=len(differences(draft.live.content, draft.wanted)),
        segments=len(draft.wanted.segments),
        may_write=request.user.reaches(WRITES),
        overtaken=OVERTAKEN if status_code == 409 else None,  # noqa: PLR2004  # as HTTP numbers it
        **seen_context(seen, await read_topics(request.app.state.database), data, problems),
    )


ROUTES = [show_visible, change_visible, ask_discard, discard]
