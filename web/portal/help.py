"""Help: articles, found by words or listed, and whether one answered somebody's question."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, PathParameter, QueryParameter
from msgspec import Meta, Struct

from auth.principals import Onlooker, Visiting
from auth.rate_limit import RateLimit
from gateway.help.desk import Help
from gateway.help.finding import Opened, article, listed, search
from gateway.languages import pgettext, phrase
from gateway.records.database import Database
from web.portal.listing import PageNumber, Question
from web.portal.visit import Visit
from web.redirects import see_other
from web.safe_html import clean

PER_PAGE = 50
MOST_FOUND = 20

ArticleName = Annotated[str, PathParameter(pattern=r"^[a-z0-9][A-Za-z0-9._-]{0,159}$")]
Said = Annotated[Literal["", "yes", "no"], QueryParameter(description="What was just said of the article")]


class Answer(Struct, frozen=True):
    """Whether it answered their question, which `q` may name. `leave`: they are done here."""

    answer: Literal["yes", "no"]
    q: Annotated[str, Meta(max_length=100)] = ""
    leave: bool = False


def help_of(request: Request[Any, Any, Any]) -> Help:
    """Give what the pages know of help. Raises `NotFoundException` where there is none."""
    found: Help = request.app.state.help
    if not found.is_on:
        raise NotFoundException
    return found


@get("/help")
async def show_help(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], q: Question = "", page: PageNumber = 1
) -> Response[bytes]:
    there_is = help_of(request)
    database: Database = request.app.state.database
    found = await search(database, q, MOST_FOUND) if q.strip() else ()
    articles, count = ((), 0) if q.strip() else await listed(database, page, PER_PAGE)
    if q.strip() and page == 1 and _is_customer(request) and "hx-request" not in request.headers:
        there_is.counts.searched(q, found=bool(found))
    return visit.page(
        "help.html",
        area="help",
        parts=await visit.parts(),
        about=(),
        question=q.strip(),
        found=found,
        articles=articles,
        query=_query(q),
        previous=_page(page - 1) if page > 1 else None,
        next=_page(page + 1) if page * PER_PAGE < count else None,
    )


@get("/help/{name:str}")
async def show_article(
    visit: NamedDependency[Visit],
    request: Request[Visiting, Any, Any],
    name: ArticleName,
    q: Question = "",
    said: Said = "",
) -> Response[bytes]:
    help_of(request)
    found = await _article(request, name)
    return visit.page(
        "help_article.html",
        area="help",
        parts=await visit.parts(),
        about=(),
        article=found,
        body=await clean(found.html),
        origin=_title(visit, found.origin),
        question=q.strip(),
        query=_query(q),
        said=said,
    )


@post("/help/{name:str}/answer")
async def answer_article(
    request: Request[Visiting, Any, Any],
    name: ArticleName,
    data: Annotated[Answer, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Count it, and thank them. Who says it over and over is counted no more."""
    there_is = help_of(request)
    found = await _article(request, name)
    tries: RateLimit = request.app.state.help_answers
    if _is_customer(request) and await tries.allows(request.user.member_id):
        there_is.counts.answered(found.name, data.q, yes=data.answer == "yes")
    return see_other("/" if data.leave else f"/help/{found.name}?{_said(data)}#answer")


@get("/help/{name:str}/answer")
async def go_to_article(name: ArticleName) -> Response[str]:
    return see_other(f"/help/{name}")


async def _article(request: Request[Any, Any, Any], name: str) -> Opened:
    found = await article(request.app.state.database, name)
    if found is None:
        raise NotFoundException
    return found


def _is_customer(request: Request[Any, Any, Any]) -> bool:
    return not isinstance(request.user, Onlooker)


def _title(visit: Visit, origin: str) -> str | None:
    """Say which source an article is from, as customers know it. None: it is of the folder."""
    offices: Mapping[str, Any] = visit.offices
    if origin in offices:
        return phrase(offices[origin].title)
    return pgettext("an article is from", "our help desk") if origin else None


def _query(question: str) -> str:
    """Let an article know what led to it."""
    return f"?{urlencode({'q': question.strip()})}" if question.strip() else ""


def _said(data: Answer) -> str:
    return urlencode({name: value for name, value in (("said", data.answer), ("q", data.q)) if value})


def _page(number: int) -> str:
    return f"/help?page={number}" if number > 1 else "/help"
