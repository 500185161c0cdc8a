"""What customers can ask for by a form: staff write the topics, and see each form as customers will."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Struct
from msgspec.structs import replace

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import Role, StaffPrincipal
from gateway.topics import changes
from gateway.topics.changes import TopicsChangedError
from gateway.topics.fields import AnyField, Choice, RecordField
from gateway.topics.topic import Named, Topic
from gateway.topics.writing import MOST_FIELDS, Question, Written, as_written, name_for, read, written_in
from web.caller import by_staff
from web.console.desk import CHANGED, desk
from web.console.finding import called, titles_of
from web.portal.asking_form import Asked
from web.redirects import see_other

TOPICS = "/staff/topics"
WRITES: Role = "admin"
KINDS = {
    "text": "One line",
    "long_text": "A longer text",
    "choice": "One of several answers",
    "order": "One of their orders",
    "invoice": "One of their invoices",
    "date": "A day",
    "number": "A number",
    "yes_no": "Yes or no",
    "phone": "A phone number",
}
SAMPLES = {"order": "S00042, on its way, expected tomorrow", "invoice": "INV/2026/0042, open, due in 9 days"}
NO_PROBLEMS: Mapping[str, str] = {}
GONE = "Somebody removed this topic after you opened it. Save it, and it is a new one."

Asking = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


class Moved(Struct, frozen=True):
    name: str = ""
    step: int = 0


@get(TOPICS, opt=for_staff("read-only"))
async def show_topics(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    database = request.app.state.database
    known = await changes.topics(database)
    titles = await titles_of(request)
    sources = {each.topic.source for each in known if each.topic.source}
    return desk(
        request,
        "staff_topics.html",
        area="requests",
        topics=known,
        is_own=bool(await changes.stamps(database)),
        titles={each: await called(request, each) for each in sources},
        gone=sources - titles.keys(),
        may_write=request.user.reaches(WRITES),
    )


@post(f"{TOPICS}/order", opt=for_staff(WRITES))
async def move_topic(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Moved, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Let customers read a topic one place earlier, or later."""
    known = list(await changes.topics(request.app.state.database))
    at = next((place for place, each in enumerate(known) if each.name == data.name), None)
    if at is None:
        raise NotFoundException
    to = at + (1 if data.step > 0 else -1)
    if 0 <= to < len(known):
        known[at], known[to] = known[to], known[at]
        await apply_topics(request, known)
    return see_other(TOPICS)


@get(f"{TOPICS}/add", opt=for_staff(WRITES))
async def begin_topic(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    return await topic_page(request, None, Written(questions=(Question(kind="long_text", required="yes"),)), "")


@post(f"{TOPICS}/add", opt=for_staff(WRITES))
async def add_topic(request: Request[StaffPrincipal, Any, Any], data: Asking) -> Response[str]:
    return await _take(request, None, data)


@get(f"{TOPICS}/one/{{name:str}}", opt=for_staff("read-only"))
async def show_topic(request: Request[StaffPrincipal, Any, Any], name: FromPath[str]) -> Response[str]:
    database = request.app.state.database
    found = await topic_named(request, name)
    if found is None:
        raise NotFoundException
    return await topic_page(request, name, as_written(found.topic), (await changes.stamps(database)).get(name, ""))


@post(f"{TOPICS}/one/{{name:str}}", opt=for_staff(WRITES))
async def change_topic(request: Request[StaffPrincipal, Any, Any], name: FromPath[str], data: Asking) -> Response[str]:
    if await topic_named(request, name) is None:
        return await topic_page(request, None, written_in(data), "", said=GONE, status_code=409)
    return await _take(request, name, data)


async def _take(request: Request[StaffPrincipal, Any, Any], name: str | None, form: dict[str, str]) -> Response[str]:
    """Keep a topic, or show its form again: with one question more, less or elsewhere, or with what is wrong."""
    written, act, state = written_in(form), form.get("do", ""), request.app.state
    seen = form.get("seen", "")
    if act != "save":
        return await topic_page(request, name, _acted(written, act), seen)
    offices = await state.offices.all()
    found = read(written, {each: office.connector for each, office in offices.items()})
    if found.topic is None:
        return await topic_page(request, name, written, seen, problems=found.problems, status_code=422)
    known = {each.name: each for each in await changes.topics(state.database)}
    if name is None and found.topic in [each.topic for each in known.values()]:  # sent twice, it is made once
        return see_other(TOPICS)
    named = Named(name or name_for(written.label, known), found.topic)
    try:
        await changes.put(state.database, named, utc_now(), trail=state.trail, by=by_staff(request), seen=seen)
    except TopicsChangedError:
        stamp = (await changes.stamps(state.database)).get(named.name, "")
        return await topic_page(request, name, written, stamp, said=CHANGED, status_code=409)
    return see_other(TOPICS)


def _acted(written: Written, act: str) -> Written:
    """Do what a button of the form says: `add`, `remove-2`, `up-2`."""
    questions = list(written.questions)
    verb, _, number = act.partition("-")
    at = int(number) if number.isdecimal() else len(questions)
    if verb == "add" and len(questions) < MOST_FIELDS:
        questions.append(Question(required="yes"))
    elif verb == "remove" and at < len(questions):
        del questions[at]
    elif verb == "up" and 0 < at < len(questions):
        questions[at - 1], questions[at] = questions[at], questions[at - 1]
    return replace(written, questions=tuple(questions))


async def topic_page(
    request: Request[StaffPrincipal, Any, Any],
    name: str | None,
    written: Written,
    seen: str,
    *,
    problems: Mapping[str, str] = NO_PROBLEMS,
    said: str = "",
    status_code: int = 200,
) -> Response[str]:
    offices = await request.app.state.offices.all()
    shown = read(written, {each: office.connector for each, office in offices.items()}).topic
    desks = {each: office.title for each, office in offices.items() if "new_ticket" in office.connector.actions}
    if written.source and written.source not in desks:  # else it would go elsewhere
        desks[written.source] = await called(request, written.source)
    return desk(
        request,
        "staff_topic.html",
        area="requests",
        status_code=status_code,
        name=name,
        written=written,
        seen=seen,
        problems=problems,
        said=said,
        kinds=KINDS,
        desks=desks,
        most=MOST_FIELDS,
        may_write=request.user.reaches(WRITES),
        preview=_preview(shown) if shown else None,
    )


def _preview(topic: Topic) -> tuple[Topic, list[Asked]]:
    """Show the form as customers see it, with made-up records."""
    return topic, [Asked(field=field, value="", options=_options(field)) for field in topic.fields]


def _options(field: AnyField) -> list[tuple[str, str]]:
    if isinstance(field, Choice):
        return [(each, each) for each in field.choices]
    return [("", SAMPLES[field.kind])] if isinstance(field, RecordField) else []


async def topic_named(request: Request[StaffPrincipal, Any, Any], name: str) -> Named | None:
    known = await changes.topics(request.app.state.database)
    return next((each for each in known if each.name == name), None)


async def apply_topics(request: Request[StaffPrincipal, Any, Any], wanted: list[Named] | tuple[Named, ...]) -> None:
    """Let just these hold, in this order. Where somebody was quicker nothing is changed, and the list shows theirs."""
    state = request.app.state
    planned = await changes.plan(state.database, wanted)
    try:
        await changes.apply(state.database, planned, utc_now(), trail=state.trail, by=by_staff(request))
    except TopicsChangedError:
        return


ROUTES = [
    show_topics,
    move_topic,
    begin_topic,
    add_topic,
    show_topic,
    change_topic,
]
