"""Delete my login: what goes, what stays, and the last word typed by the member themselves."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from litestar.status_codes import HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct

from auth import cookies
from auth.clock import utc_now
from auth.principals import Principal
from auth.sessions import Sessions
from gateway.audit import Trail
from gateway.languages import gettext, pgettext
from gateway.members import erase, leaving
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.standing import Standings
from web.portal.visit import Visit
from web.redirects import dropped, see_other

HERE = "/account/delete"
WORD = "delete"


class Confirmed(Struct, frozen=True):
    word: str = ""


@get(HERE)
async def show_leaving(visit: NamedDependency[Visit]) -> Response[bytes]:
    return await _page(visit)


@post(HERE)
async def delete_login(
    visit: NamedDependency[Visit],
    request: Request[Principal, Any, Any],
    data: Annotated[Confirmed, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Forget the member who asks, at once and for good, and end every session of theirs."""
    if data.word.strip().casefold() not in {WORD, _word().casefold()}:
        page = await _page(visit, gettext("Write the word {word} to go on. Nothing was deleted.", word=_word()))
        page.status_code = HTTP_422_UNPROCESSABLE_ENTITY
        return page
    database: Database = request.app.state.database
    trail: Trail = request.app.state.trail
    sessions: Sessions = request.app.state.sessions
    standings: Standings = request.app.state.standings
    who = request.user.member_id
    known = await leaving(database, who)
    if known is None:
        raise NotFoundException
    by = By(f"member/{who}", "portal")  # from where they came is theirs, and is forgotten with the rest
    stopped = await erase(database, trail=trail, by=by, login=known.login, now=utc_now())
    gone = [*stopped.sessions, *stopped.viewers]
    await sessions.forget_copies(gone)
    await standings.forget(gone)
    return see_other("/signed-out?login=deleted", dropped(cookies.SESSION), dropped(cookies.LANGUAGE))


def _word() -> str:
    """Give the word that is typed to go on, in the language of whoever types it."""
    return pgettext("typed to delete a login", "delete")


async def _page(visit: Visit, problem: str | None = None) -> Response[bytes]:
    database: Database = visit.request.app.state.database
    return visit.page(
        "delete_login.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        leaving=await leaving(database, visit.request.user.member_id),
        word=_word(),
        problem=problem,
    )
