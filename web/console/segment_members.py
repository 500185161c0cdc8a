"""Who is in a segment: with the draft, by what the systems told, and how long ago that was."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, Parameter

from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from gateway.dossiers import note_exported
from gateway.seeing.members import every_member, members_of
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, Policy
from web.caller import by_staff
from web.console.desk import Paging, desk
from web.console.finding import PageNumber, Search, file_of, plain
from web.console.seen_changes import ELSE
from web.console.segments import RESERVED, SEGMENTS
from web.view import View

PAGE = 100
TAKES: Role = "support"
HEAD = ("Account", "Id", "Segment", "Sure", "The systems say", "Read at")
UNSURE = "unsure"

WHOSE = f"{SEGMENTS}/one/{{name:str}}/customers"


@get(WHOSE, opt=for_staff("read-only"))
async def show_members(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    q: Search = "",
    only: Annotated[str, Parameter(max_length=10)] = "",
    page: PageNumber = 1,
) -> Response[str]:
    await request.app.state.marking.catch_up()
    policy, title, key = await _segment(request, name)
    question = plain(q)
    found = await members_of(
        request.app.state.database, policy, key, words=question, unsure=only == UNSURE, page=page, size=PAGE
    )
    return desk(
        request,
        "staff_segment_members.html",
        area="visible",
        title=title,
        rows=found.found,
        question=question,
        only=only,
        may_take=request.user.reaches(TAKES),
        paging=Paging(
            path=f"{SEGMENTS}/one/{name}/customers",
            page=page,
            size=PAGE,
            count=found.count,
            asked={"q": question, "only": only},
            is_more=found.is_more,
        ),
    )


@get(f"{WHOSE}.csv", opt=for_staff(TAKES))
async def get_members_csv(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    q: Search = "",
    only: Annotated[str, Parameter(max_length=10)] = "",
) -> Response[bytes]:
    """Give all of them as a file. That it was taken is in the audit trail."""
    await request.app.state.marking.catch_up()
    policy, title, key = await _segment(request, name)
    state = request.app.state
    view: View = state.view
    rows = [
        (
            each.name,
            each.id,
            title,
            "yes" if each.is_sure else "no",
            "; ".join(each.said),
            view.written(each.read_at) if each.read_at else "",
        )
        async for each in every_member(state.database, policy, key, words=plain(q), unsure=only == UNSURE)
    ]
    details = {"rows": len(rows), "segment": name, "only": only}
    await note_exported(state.database, "segment", details, trail=state.trail, by=by_staff(request))
    return file_of(f"segment-{name}", HEAD, rows)


async def _segment(request: Request[StaffPrincipal, Any, Any], name: str) -> tuple[Policy, str, str]:
    """Find it in the draft: all that is written, what it is called, and its name there."""
    policy = (await POLICIES.draft(request.app.state.database)).wanted
    segment = policy.get(name)
    if segment is None and name != RESERVED:
        raise NotFoundException
    return policy, segment.title if segment else ELSE, segment.name if segment else EVERYBODY


ROUTES = [show_members, get_members_csv]
