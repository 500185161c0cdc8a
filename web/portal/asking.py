"""A new request: choose a topic, fill in a short form, and know at once that we have it."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter, QueryParameter
from litestar.status_codes import HTTP_422_UNPROCESSABLE_ENTITY

from auth.guards import KEEPS_DRAFT
from connectors.records import Record
from gateway.access import LinkRef
from gateway.home import Item
from gateway.languages import gettext
from gateway.outbox.files import TooMuch
from gateway.records.database import Database
from gateway.statuses import status_of
from gateway.topics.changes import topics as read_topics
from gateway.topics.fields import Phone
from gateway.topics.topic import Named, Topic, subject_of, text_of
from web.portal.asking_form import Form, answers, called, empty_form, filled_form, name_of, offered, place_of, record_at
from web.portal.drafting import RESTORED, draft_of, drop_draft
from web.portal.fitting import FITTING, fitting_of, words_of
from web.portal.nonces import is_nonce, new_nonce
from web.portal.phones import GIVEN
from web.portal.uploads import AGAIN, TOO_MUCH, uploads_in
from web.portal.visit import Visit
from web.portal.when import answer_by, what_we_say
from web.redirects import see_other

NEW = "/requests/new"

TopicName = Annotated[str, PathParameter(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
About = Annotated[str, QueryParameter(max_length=140, description="The record that it is about: source/kind/id")]


@get(NEW)
async def choose_topic(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any], about: About = ""
) -> Response[bytes]:
    visit.require("requests")
    item = await record_at(visit, about) if about else None
    return visit.page(
        "new_request.html",
        area="requests",
        parts=await visit.parts(),
        about=[item.part] if item else (),
        topics=offered(visit, await _topics(request), item),
        query=f"?about={about}" if item else "",
        item=_answer(visit, item),
        fitting=await fitting_of(visit, None, item) if item else (),
    )


@get("/requests/call-back")
async def ask_for_a_call(visit: NamedDependency[Visit], request: Request[Any, Any, Any]) -> Response[str]:
    """Lead to the topic that asks for a phone number, whatever staff call it."""
    visit.require("requests")
    for each in offered(visit, await _topics(request), None):
        if any(isinstance(field, Phone) for field in each.topic.fields):
            return see_other(f"{NEW}/{each.name}")
    return see_other(NEW)


@get(f"{NEW}/{{topic:str}}")
async def show_form(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any], topic: TopicName, about: About = ""
) -> Response[bytes]:
    item = await record_at(visit, about) if about else None
    chosen = await _topic(visit, request, topic)
    if draft := await draft_of(request, request.url.path):
        form = await filled_form(visit, chosen.topic, draft, check=False)
        return await _page(visit, chosen, form, draft.get("nonce", ""), said=gettext(RESTORED))
    return await _page(visit, chosen, await empty_form(visit, chosen.topic, item), new_nonce())


@post(f"{NEW}/{{topic:str}}", opt=KEEPS_DRAFT, request_max_body_size=None)
async def send_request(
    visit: NamedDependency[Visit], request: Request[Any, Any, Any], topic: TopicName
) -> Response[Any]:
    """Take a request, and say so when it cannot be lost any more."""
    chosen = await _topic(visit, request, topic)
    link = _desk(visit, chosen)
    async with uploads_in(request).form(request, taken=visit.ability.takes_files("new_ticket", link)) as sent:
        nonce = sent.fields.get("nonce", "")
        if visit.scope is None or not is_nonce(nonce):
            raise NotFoundException
        form = await filled_form(visit, chosen.topic, sent.fields)
        problem = sent.problem or (gettext(AGAIN) if form.problems and sent.files else None)
        if not form.problems and not problem:
            asked, note = _asked(visit, chosen.topic, form)
            try:
                handed = await visit.desk.take(
                    visit.scope, link, "new_ticket", asked, nonce, note=note, files=sent.files
                )
            except TooMuch:
                problem = gettext(TOO_MUCH)
            else:
                await drop_draft(request)
                return see_other(f"/requests/sent/{handed.id}")
    page = await _page(visit, chosen, form, nonce, files_problem=problem)
    page.status_code = HTTP_422_UNPROCESSABLE_ENTITY
    return page


def _asked(visit: Visit, topic: Topic, form: Form) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write what goes to the helpdesk, and what stays here."""
    said = answers(form)
    by = answer_by(topic.answer_within, visit.view)
    asked = {
        "subject": subject_of(topic, said),
        "text": text_of(topic, said, called(form.about) if form.about and form.other else None),
        "route": topic.route or "",
    }
    note = {
        "topic": topic.label,
        "about": place_of(form.about) if form.about else None,
        "answer_by": by.isoformat() if by else None,
        GIVEN: next((each.value for each in form.asked if isinstance(each.field, Phone)), None),
    }
    return asked, note


def _desk(visit: Visit, chosen: Named) -> LinkRef:
    return next(link for link in visit.desks if chosen.topic.source in (None, link.source))


async def _topics(request: Request[Any, Any, Any]) -> tuple[Named, ...]:
    database: Database = request.app.state.database
    return await read_topics(database)


async def _topic(visit: Visit, request: Request[Any, Any, Any], name: str) -> Named:
    """Find a topic that the visitor can ask for. Raises `NotFoundException`."""
    visit.require("requests")
    for each in offered(visit, await _topics(request), None):
        if each.name == name:
            return each
    raise NotFoundException


async def _page(
    visit: Visit, chosen: Named, form: Form, nonce: str, *, said: str | None = None, files_problem: str | None = None
) -> Response[bytes]:
    takes_files = visit.ability.takes_files("new_ticket", _desk(visit, chosen))
    files = uploads_in(visit.request).field(files_problem, taken=takes_files)
    written = {each.field.name: each.value for each in form.asked}
    return visit.page(
        "ask.html",
        area="requests",
        parts=await visit.parts(),
        about=[form.about.part] if form.about else (),
        topic=chosen,
        form=form,
        nonce=nonce,
        said=said or (None if files else files_problem),
        files=files,
        action=f"{NEW}/{chosen.name}",
        place=place_of(form.about) if form.about and form.other else None,
        item=_answer(visit, form.about),
        fitting=await fitting_of(visit, chosen.name, form.about, words_of(chosen.topic, written)),
        fits_at=f"{FITTING}?{urlencode({'topic': chosen.name, 'about': place_of(form.about) if form.about else ''})}",
        promise=what_we_say(answer_by(chosen.topic.answer_within, visit.view), visit.view),
    )


def _answer(visit: Visit, item: Item[Record] | None) -> dict[str, Any] | None:
    """Give what a record's own page says already."""
    if item is None:
        return None
    return {"item": item, "name": name_of(item), "record": item.record, "status": status_of(item.record, visit.today)}
