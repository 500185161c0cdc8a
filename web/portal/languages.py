"""In which language a member reads: what they choose on their account page holds wherever they are signed in."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from auth.principals import Principal
from auth.sessions import Sessions
from gateway.languages.catalogue import catalogue_of
from gateway.languages.choosing import Languages
from gateway.profile import choose_language
from gateway.records.database import Database
from gateway.standing import Standings
from web.redirects import see_other
from web.speaking import remembered


class Language(Struct, frozen=True):
    """One that is offered, by the name that its own speakers have for it."""

    code: str
    title: str


class Wanted(Struct, frozen=True):
    """What the form says; nothing means as the browser says."""

    language: str = ""


def offered(languages: Languages) -> list[Language]:
    return [Language(code, catalogue_of(code).title) for code in languages.offered]


@post("/account/language")
async def take_language(
    request: Request[Principal, Any, Any],
    data: Annotated[Wanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Keep what a member chose. One that is not offered is not found."""
    database: Database = request.app.state.database
    sessions: Sessions = request.app.state.sessions
    standings: Standings = request.app.state.standings
    languages: Languages = request.app.state.languages
    chosen = data.language or None
    if languages.of(chosen) != chosen:
        raise NotFoundException
    await choose_language(database, request.user.member_id, chosen)
    await standings.forget([each.id_hash for each in await sessions.list(request.user.member_id)])
    return see_other("/account#language", remembered(chosen))
