"""Who is in a segment: with the draft, by what the systems told, and how long ago that was."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, Parameter

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.seeing.draft import read_draft
from gateway.seeing.members import Belonging, belongings_of
from gateway.segments import EVERYBODY
from web.console.desk import Paging, desk
from web.console.finding import LAST_PAGE, file_of
from web.console.segments import RESERVED, SEGMENTS
from web.view import View

PAGE = 100
HEAD = ("Account", "Id", "Segment", "Sure", "The systems say", "Read at")
ELSE = "Everybody else"

Search = Annotated[str, Parameter(max_length=100)]
WHOSE = f"{SEGMENTS}/one/{{name:str}}/customers"


@get(WHOSE, opt=for_staff("read-only"))
async def show_members(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    q: Search = "",
    only: Annotated[str, Parameter(max_length=10)] = "",
    page: Annotated[int, Parameter(ge=1, le=LAST_PAGE)] = 1,
) -> Response[str]:
    title, found = await _found(request, name, q, only)
    paging = Paging(
        path=f"{SEGMENTS}/one/{name}/customers", page=page, size=PAGE, count=len(found), asked={"q": q, "only": only}
    )
    return desk(
        request,
        "staff_segment_members.html",
        area="visible",
        title=title,
        rows=found[(page - 1) * PAGE : page * PAGE],
        question=q,
        only=only,
        paging=paging,
    )


@get(f"{WHOSE}.csv", opt=for_staff("read-only"))
async def get_members_csv(
    request: Request[StaffPrincipal, Any, Any],
    name: FromPath[str],
    q: Search = "",
    only: Annotated[str, Parameter(max_length=10)] = "",
) -> Response[bytes]:
    title, found = await _found(request, name, q, only)
    view: View = request.app.state.view
    rows = [
        (
            each.name,
            each.id,
            title,
            "yes" if each.is_sure else "no",
            "; ".join(each.said),
            view.written(each.read_at) if each.read_at else "",
        )
        for each in found
    ]
    return file_of(f"segment-{name}", HEAD, rows)


async def _found(
    request: Request[StaffPrincipal, Any, Any], name: str, question: str, only: str
) -> tuple[str, list[Belonging]]:
    database = request.app.state.database
    policy = (await read_draft(database)).wanted
    segment = policy.get(name)
    if segment is None and name != RESERVED:
        raise NotFoundException
    key = segment.name if segment else EVERYBODY
    words = question.casefold().split()
    found = [
        each
        for each in await belongings_of(database, policy)
        if key in each.segments
        and all(word in f"{each.name} {each.id}".casefold() for word in words)
        and (only != "unsure" or not each.is_sure)
    ]
    return segment.title if segment else ELSE, found


ROUTES = [show_members, get_members_csv]
