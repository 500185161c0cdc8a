"""Segments: customers who see something else, in the order in which they are tried. They are written in the draft."""

import re
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec.structs import replace

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.publishing import OVERTAKEN, ChangedMeanwhileError, Draft
from gateway.seeing.file import faults
from gateway.seeing.members import MANY_LEFT, sizes_of
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, HOWS, Policy, Rule, Seen, Segment
from gateway.topics.changes import topics as read_topics
from web.caller import by_staff
from web.console.desk import Question, confirm, desk
from web.console.finding import called
from web.console.publishing import WRITES, Called
from web.console.seen_changes import HOW_NAMES, words_of
from web.console.seen_form import seen_context, seen_in
from web.console.visible import Form, version_in
from web.redirects import see_other

SEGMENTS = "/staff/segments"
ONE = f"{SEGMENTS}/one/{{name:str}}"
RESERVED = "everybody-else"
FIELDS = {"values": "compared"}  # what a template would take for a method of the mapping


@get(SEGMENTS, opt=for_staff("read-only"))
async def show_segments(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await _list(request)


@post(f"{SEGMENTS}/order", opt=for_staff(WRITES))
async def move_segment(request: Request[StaffPrincipal, Any, Any], data: Form) -> Response[str]:
    """Let a segment be tried one place earlier, or later."""

    def move(policy: Policy) -> Policy:
        known = list(policy.segments)
        at = next((place for place, each in enumerate(known) if each.name == data.get("name")), None)
        if at is None:
            raise NotFoundException
        to = at + (1 if data.get("step") == "1" else -1)
        if 0 <= to < len(known):
            known[at], known[to] = known[to], known[at]
        return replace(policy, segments=tuple(known))

    try:
        await _change(request, move, version_in(data))
    except ChangedMeanwhileError:
        return await _list(request, is_overtaken=True)
    return see_other(SEGMENTS)


@get(f"{SEGMENTS}/add", opt=for_staff(WRITES))
async def begin_segment(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    draft = await POLICIES.draft(request.app.state.database)
    return await _form(request, draft, None, {}, draft.wanted.everybody)


@post(f"{SEGMENTS}/add", opt=for_staff(WRITES))
async def add_segment(request: Request[StaffPrincipal, Any, Any], data: Form) -> Response[str]:
    return await _take(request, None, data)


@get(ONE, opt=for_staff("read-only"))
async def show_segment(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    draft = await POLICIES.draft(request.app.state.database)
    segment = _find(draft, name)
    rule = segment.rule
    written = {"title": segment.title, "source": rule.source, "property": rule.property, "how": rule.how}
    return await _form(request, draft, name, {**written, "values": "\n".join(rule.values)}, segment.seen)


@post(ONE, opt=for_staff(WRITES))
async def change_segment(request: Request[StaffPrincipal, Any, Any], name: FromPath[str], data: Form) -> Response[str]:
    _find(await POLICIES.draft(request.app.state.database), name)
    return await _take(request, name, data)


@get(f"{ONE}/remove", opt=for_staff(WRITES))
async def ask_remove(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    draft = await POLICIES.draft(request.app.state.database)
    segment = _find(draft, name)
    question = Question(
        title=f"Remove “{segment.title}”?",
        text="It goes from the draft. Customers notice nothing before that is published.",
        effects=(
            "Who is in it is then in the next segment that fits, or sees what everybody else sees.",
            "What messages have otherwise for it goes then, too, and does not come back with an old version.",
        ),
        action=f"{SEGMENTS}/one/{name}/remove",
        button="Remove it",
        back=SEGMENTS,
        fields={"version": str(draft.version)},
        is_loss=True,
    )
    return confirm(request, "visible", question)


@post(f"{ONE}/remove", opt=for_staff(WRITES))
async def remove_segment(request: Request[StaffPrincipal, Any, Any], name: FromPath[str], data: Form) -> Response[str]:
    def remove(policy: Policy) -> Policy:
        return replace(policy, segments=tuple(each for each in policy.segments if each.name != name))

    try:
        await _change(request, remove, version_in(data))
    except ChangedMeanwhileError:
        return await _list(request, is_overtaken=True)
    return see_other(SEGMENTS)


async def _take(request: Request[StaffPrincipal, Any, Any], name: str | None, data: dict[str, str]) -> Response[str]:
    """Put a segment into the draft, or show its form again with what is wrong."""
    database = request.app.state.database
    topics = await read_topics(database)
    seen, problems = seen_in(data, topics)
    draft = await POLICIES.draft(database)
    values = [" ".join(line.split()) for line in data.get("values", "").splitlines()]
    rule = Rule(
        source=data.get("source", ""),
        property=data.get("property", "").strip(),
        how=next((how for how in HOWS if how == data.get("how")), "is"),
        values=tuple(each for each in values if each),
    )
    title = " ".join(data.get("title", "").split())
    segment = Segment(name=name or _name_for(title, draft.wanted), title=title, rule=rule, seen=seen)
    sources = {key: office.connector for key, office in (await request.app.state.offices.all()).items()}
    wrong = dict(faults(segment, sources, frozenset(each.name for each in topics)))
    problems |= {FIELDS.get(field, field): why for field, why in wrong.items()}
    if problems:
        return await _form(request, draft, name, data, seen, problems=problems, status_code=422)

    def put(policy: Policy) -> Policy:
        if policy.get(segment.name) is None:
            return replace(policy, segments=(*policy.segments, segment))
        known = (segment if each.name == segment.name else each for each in policy.segments)
        return replace(policy, segments=tuple(known))

    try:
        await _change(request, put, version_in(data))
    except ChangedMeanwhileError:
        draft = await POLICIES.draft(database)
        return await _form(request, draft, name, data, seen, status_code=409)
    return see_other(SEGMENTS)


async def _change(request: Request[StaffPrincipal, Any, Any], change: Any, seen: int) -> None:  # noqa: ANN401
    state = request.app.state
    await POLICIES.change_draft(
        state.database, change, trail=state.trail, by=by_staff(request), now=utc_now(), seen=seen
    )


async def _list(request: Request[StaffPrincipal, Any, Any], *, is_overtaken: bool = False) -> Response[str]:
    state = request.app.state
    draft = await POLICIES.draft(state.database)
    await state.marking.catch_up()
    sizes = await sizes_of(state.database, draft.wanted)
    names = Called(offices=await state.offices.all())
    return desk(
        request,
        "staff_segments.html",
        area="visible",
        status_code=409 if is_overtaken else 200,
        draft=draft,
        segments=[(each, words_of(each.rule, names), sizes.sure.get(each.name, 0)) for each in draft.wanted.segments],
        others=sizes.sure.get(EVERYBODY, 0),
        reserved=RESERVED,
        unsure=sizes.unsure,
        left=sizes.left,
        left_most=MANY_LEFT,
        may_write=request.user.reaches(WRITES),
        overtaken=OVERTAKEN if is_overtaken else None,
    )


async def _form(
    request: Request[StaffPrincipal, Any, Any],
    draft: Draft[Policy],
    name: str | None,
    written: dict[str, str],
    seen: Seen,
    *,
    problems: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response[str]:
    state = request.app.state
    offices = (await state.offices.all()).values()
    asked = {each.name: each for each in offices if each.connector.properties}
    known = {prop: title for each in asked.values() for prop, title in each.connector.properties.known.items()}
    data = written if "notice" in written else None
    sources = [(each.name, each.title) for each in asked.values()]
    if (source := written.get("source", "")) and source not in asked:  # else its rule would move to another one
        sources.append((source, await called(request, source)))
    return desk(
        request,
        "staff_segment.html",
        area="visible",
        status_code=status_code,
        draft=draft,
        name=name,
        written={field: written.get(field, "") for field in ("title", "source", "property", "how", "values")},
        sources=sources,
        known=sorted(known.items()),
        hows=list(HOW_NAMES.items()),
        may_write=request.user.reaches(WRITES),
        overtaken=OVERTAKEN if status_code == 409 else None,  # noqa: PLR2004  # as HTTP numbers it
        **seen_context(seen, await read_topics(state.database), data, problems),
    )


def _find(draft: Draft[Policy], name: str) -> Segment:
    segment = draft.wanted.get(name)
    if segment is None:
        raise NotFoundException
    return segment


def _name_for(title: str, policy: Policy) -> str:
    """Make a name that there is not yet, of what it is called."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:24] or "segment"
    taken = {RESERVED, *(each.name for each in policy.segments)}
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


ROUTES = [
    show_segments,
    move_segment,
    begin_segment,
    add_segment,
    show_segment,
    change_segment,
    ask_remove,
    remove_segment,
]
