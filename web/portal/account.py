"""Account: who am I here, why do I see this, where am I signed in, and the way out."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from auth.principals import Principal
from auth.sessions import Sessions
from gateway.records.database import Database
from web.caller import by_member
from web.portal.colleagues import choices_for_new, colleagues
from web.portal.colleagues import invited as waiting
from web.portal.languages import offered
from web.portal.visit import Visit
from web.portal.why import ground, sees, why
from web.redirects import see_other

Saved = Annotated[str, QueryParameter(max_length=26, description="The colleague whose rights were just saved")]

Invited = Annotated[str, QueryParameter(max_length=10, description="What became of an invitation")]


class SignedIn(Struct, frozen=True, kw_only=True):
    """A browser that the member is signed in with. More than this we do not know of it."""

    is_this: bool
    began_at: datetime
    used_at: datetime


@get("/account")
async def show_account(
    visit: NamedDependency[Visit], request: Request[Principal, Any, Any], saved: Saved = "", invited: Invited = ""
) -> Response[bytes]:
    database: Database = request.app.state.database
    return visit.page(
        "account.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        profile=visit.profile,
        languages=offered(request.app.state.languages),
        why=why(visit, await ground(visit, database), visit.offices) if visit.scope else None,
        sees=sees(visit.scope.rights) if visit.scope else [],
        manages=visit.managed is not None,
        colleagues=await colleagues(visit, database),
        saved=saved,
        invited=invited,
        choices=choices_for_new(visit),
        waiting=await waiting(visit, database),
        sends_mails=request.app.state.mails.is_on,
        sign_ins=await _sign_ins(request),
    )


@post("/account/sign-out-elsewhere")
async def sign_out_elsewhere(request: Request[Principal, Any, Any]) -> Response[str]:
    """End every session of the member but the one that asks."""
    sessions: Sessions = request.app.state.sessions
    await sessions.end_all(request.user.member_id, by=by_member(request), but=request.user.session)
    return see_other("/account#sign-ins")


async def _sign_ins(request: Request[Principal, Any, Any]) -> list[SignedIn]:
    """This browser first, then the others, the last used first."""
    sessions: Sessions = request.app.state.sessions
    found = [
        SignedIn(is_this=entry.id_hash == request.user.session, began_at=entry.created_at, used_at=entry.seen_at)
        for entry in await sessions.list(request.user.member_id)
    ]
    return sorted(found, key=lambda sign_in: not sign_in.is_this)
