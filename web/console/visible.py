"""What customers see at all: how far anybody's rights reach, and which parts of a record are shown."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from gateway.rights import AREAS, REACHES, Area, Reach, Rights
from gateway.shown import GROUPS, Shown
from gateway.visibility import DecidedMeanwhileError, decide_shown, decided, hidden_by
from web.caller import by_staff
from web.console.desk import Question, confirm, desk
from web.console.statuses import KIND_NAMES, OVERTAKEN
from web.redirects import see_other

VISIBLE = "/staff/visible"
WRITES: Role = "admin"
AREA_NAMES: dict[Area, str] = {
    "orders": "Orders",
    "invoices": "Invoices",
    "requests": "Requests",
    "documents": "Files and documents",
}
REACH_NAMES: dict[Reach, str] = {
    "company": "As far as their rights reach",
    "own": "Only what names them, and nothing of colleagues",
    "none": "Nothing",
}
GROUP_NAMES = {
    "lines": "Lines: what it is for",
    "prices": "Amounts of single lines",
    "tracking": "Shipments and tracking",
    "dates": "When it is expected",
    "payment": "The link to pay",
    "files": "Files",
}

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


@get(VISIBLE, opt=for_staff("read-only"))
async def show_visible(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    now = await decided(request.app.state.database)
    return _page(request, now.shown, now.version)


@post(VISIBLE, opt=for_staff(WRITES))
async def change_visible(request: Request[StaffPrincipal, Any, Any], data: Form) -> Response[str]:
    """Say what would change, and once that was agreed to, change it."""
    state = request.app.state
    wanted, now = _read(data), await decided(state.database)
    seen = int(data["version"]) if data.get("version", "").isdecimal() else 0
    if seen != now.version:
        return _page(request, wanted, now.version, is_overtaken=True)
    if not data.get("agreed"):
        return _ask(request, data, now.shown, wanted)
    try:
        await decide_shown(state.database, wanted, trail=state.trail, by=by_staff(request), now=utc_now(), seen=seen)
    except DecidedMeanwhileError:
        return _page(request, wanted, (await decided(state.database)).version, is_overtaken=True)
    state.offices.look_soon()
    return see_other(VISIBLE)


def _read(data: dict[str, str]) -> Shown:
    """Take what was ticked. What is not said is not shown."""
    reaches: dict[str, Any] = {
        area: next((each for each in REACHES if each == data.get(f"area.{area}")), "none") for area in AREAS
    }
    ticked = {
        kind: frozenset(group for group in groups if data.get(f"{kind}.{group}")) for kind, groups in GROUPS.items()
    }
    return Shown(most=Rights(**reaches), fields=ticked)


def _ask(
    request: Request[StaffPrincipal, Any, Any], data: dict[str, str], before: Shown, wanted: Shown
) -> Response[str]:
    changed = hidden_by(before, wanted)
    if not changed:
        return see_other(VISIBLE)
    effects = [
        f"{_name(what, group)}: {'customers see it' if more else 'no customer sees it any more'}"
        if group
        else f"{AREA_NAMES[what]}: {REACH_NAMES[wanted.most.reach(what)].lower()}"  # type: ignore[index,arg-type]
        for what, group, more in changed
    ]
    fields = {name: value for name, value in data.items() if name != "_token"}
    return confirm(
        request,
        "visible",
        Question(
            title="Change what customers see?",
            text="It acts within ten seconds: on pages, in search, in sums, in mails and in what they download.",
            effects=tuple(effects),
            action=VISIBLE,
            button="Change it for all customers",
            back=VISIBLE,
            fields={**fields, "agreed": "yes"},
        ),
    )


def _name(kind: str, group: str) -> str:
    return f"{KIND_NAMES[kind]}, {GROUP_NAMES[group].lower()}"  # type: ignore[index]


def _page(
    request: Request[StaffPrincipal, Any, Any], shown: Shown, version: int, *, is_overtaken: bool = False
) -> Response[str]:
    return desk(
        request,
        "staff_visible.html",
        area="visible",
        status_code=409 if is_overtaken else 200,
        version=version,
        areas=[(area, AREA_NAMES[area], shown.most.reach(area)) for area in AREAS],
        reaches=[(reach, REACH_NAMES[reach]) for reach in reversed(REACHES)],
        kinds=[
            (kind, KIND_NAMES[kind], [(group, GROUP_NAMES[group], shown.shows(kind, group)) for group in groups])
            for kind, groups in GROUPS.items()
        ],
        may_write=request.user.reaches(WRITES),
        overtaken=OVERTAKEN if is_overtaken else None,
    )


ROUTES = [show_visible, change_visible]
