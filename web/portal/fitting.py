"""What may answer a question before it is asked: articles that fit its topic, its record and what is written."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, QueryParameter

from connectors.records import Record
from gateway.help.article import TOPIC, subjects_of
from gateway.help.finding import Found, fitting
from gateway.home import Item
from gateway.languages import phrase
from gateway.records.database import Database
from gateway.topics.changes import topics as read_topics
from gateway.topics.fields import Choice, LongText, RecordField, Text
from gateway.topics.topic import Topic
from web.portal.asking_form import offered, record_at
from web.portal.visit import Visit
from web.redirects import see_other
from web.view import render

FITTING = "/requests/fitting"
MOST = 3  # beside a form
MOST_OF_RECORD = 2
LONGEST = 2000  # characters of what is written

TopicName = Annotated[str, QueryParameter(max_length=63)]
About = Annotated[str, QueryParameter(max_length=140)]


async def fitting_of(visit: Visit, name: str | None, about: Item[Record] | None, words: str = "") -> tuple[Found, ...]:
    """Find articles for a form. `name` is the topic's, None before one is chosen."""
    subjects = (TOPIC + name,) if name else ()
    return await _found(visit, (*subjects, *(subjects_of(about.record, visit.today) if about else ())), words, MOST)


async def reading(visit: Visit, item: Item[Record]) -> tuple[Found, ...]:
    """Find articles for a record's own page: about what it is, and how it stands."""
    return await _found(visit, subjects_of(item.record, visit.today), "", MOST_OF_RECORD)


def words_of(topic: Topic, values: Mapping[str, str]) -> str:
    """Give what was written in a form, or chosen, of what it is about: in the words that the reader has before them."""
    told = (field for field in topic.fields if isinstance(field, Text | LongText | Choice))
    about = (field for field in told if not getattr(field, "prefill", None))
    return " ".join(_said(field, values.get(field.name, "")) for field in about)[:LONGEST]


@post(FITTING, status_code=200)
async def show_fitting(
    visit: NamedDependency[Visit],
    request: Request[Any, Any, Any],
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
    topic: TopicName = "",
    about: About = "",
) -> Response[str]:
    """Say what fits what has been written so far, as a piece of the form's page. Nothing of it is kept."""
    database: Database = request.app.state.database
    named = next((each for each in offered(visit, await read_topics(database), None) if each.name == topic), None)
    if named is None or not visit.view.helped():
        raise NotFoundException
    places = (data.get(field.name, "") for field in named.topic.fields if isinstance(field, RecordField))
    place = next((place for place in places if place), about)
    item = await record_at(visit, place) if place else None
    found = await fitting_of(visit, named.name, item, words_of(named.topic, data))
    return render(request, "fitting.html", fitting=found)


@get(FITTING)
async def go_to_topics() -> Response[str]:
    return see_other("/requests/new")


def _said(field: Text | LongText | Choice, value: str) -> str:
    return phrase(value) if isinstance(field, Choice) else value


async def _found(visit: Visit, subjects: tuple[str, ...], words: str, most: int) -> tuple[Found, ...]:
    if not visit.view.helped():
        return ()
    return await fitting(visit.request.app.state.database, subjects, words, most=most)
