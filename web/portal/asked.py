"""A document that we asked for: how it stands, and the form that it is sent with."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.status_codes import HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from auth.clock import utc_now
from auth.principals import Principal
from gateway.asked import Asked, NoSuchDocument, NotWanted, find_asked, give, is_given
from gateway.audit import Trail
from gateway.languages import gettext, gettext_noop, ngettext
from gateway.languages.writing import all_of
from gateway.records.database import Database
from gateway.standing import Standings
from web.caller import by_member
from web.portal.asked_rows import row_of_asked
from web.portal.paths import RecordId
from web.portal.uploads import uploads_in
from web.portal.visit import Visit
from web.redirects import see_other

NOTHING = gettext_noop("Choose a file first.")


@get("/documents/asked/{document:str}")
async def show_asked(visit: NamedDependency[Visit], document: RecordId) -> Response[bytes]:
    return await _page(visit, await _find(visit, document))


@post("/documents/asked/{document:str}", request_max_body_size=None)
async def send_asked(visit: NamedDependency[Visit], document: RecordId) -> Response[Any]:
    """Take the files, and say so when they cannot be lost any more."""
    asked, scope, user = await _find(visit, document), visit.scope, visit.request.user
    if scope is None or not isinstance(user, Principal):
        raise PermissionDeniedException
    async with uploads_in(visit.request).form(visit.request) as sent:
        problem = sent.problem or (None if sent.files or not asked.is_wanted else gettext(NOTHING))
        if problem is None:
            state = visit.request.app.state
            db: Database = state.database
            trail: Trail = state.trail
            by = by_member(visit.request)  # type: ignore[arg-type]  # no onlooker, as was seen above
            try:
                await give(db, trail=trail, by=by, scope=scope, id_=document, files=sent.files, now=utc_now())
            except NoSuchDocument as error:
                raise NotFoundException from error
            except NotWanted:
                if not await is_given(db, document, sent.files):  # or it was sent twice: the page says how it stands
                    return await _not_kept(visit, document, [file.name for file in sent.files])
            standings: Standings = state.standings
            await standings.forget([user.session])
            return see_other(f"/documents/asked/{document}")
    page = await _page(visit, asked, problem)
    page.status_code = HTTP_422_UNPROCESSABLE_ENTITY
    return page


async def _find(visit: Visit, document: str) -> Asked:
    if visit.scope is None:
        raise NotFoundException
    db: Database = visit.request.app.state.database
    try:
        return await find_asked(db, visit.scope, document)
    except NoSuchDocument as error:
        raise NotFoundException from error


async def _not_kept(visit: Visit, document: str, names: list[str]) -> Response[bytes]:
    said = ngettext(
        "{files} was not kept: something else came for this before it. If we need it too, write to us or call us.",
        "{files} were not kept: something else came for this before them. If we need them too, write to us or call us.",
        len(names),
        files=all_of(names),
    )
    page = await _page(visit, await _find(visit, document), said)
    page.status_code = HTTP_409_CONFLICT
    return page


async def _page(visit: Visit, asked: Asked, problem: str | None = None) -> Response[bytes]:
    """Show how it stands. `problem`: what is wrong with what was sent, beside the form where there is one."""
    return visit.page(
        "asked.html",
        area="documents",
        parts=await visit.parts(),
        about=(),
        row=row_of_asked(asked, visit.today),
        said=None if asked.is_wanted else problem,
        files=uploads_in(visit.request).field(problem),
    )
