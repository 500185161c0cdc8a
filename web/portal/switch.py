"""From one account to another of the same person: under a new id each time, so that the old one opens nothing."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from msgspec import Struct

from auth import cookies
from auth.guards import SignInNeeded
from auth.own_path import HOME, own_path
from auth.principals import Principal
from auth.sessions import Sessions
from gateway.access import scope_of
from gateway.records.database import Database
from web.caller import address_of
from web.redirects import cookie, see_other


class Wanted(Struct, frozen=True):
    """What the form says. `next` is where to go then."""

    account: str
    next: str = HOME


@post("/account/use")
async def use_account(
    request: Request[Principal, Any, Any],
    data: Annotated[Wanted, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Act for another account of the member. One that is not theirs is not found."""
    database: Database = request.app.state.database
    sessions: Sessions = request.app.state.sessions
    if await scope_of(database, request.user.member_id, data.account) is None:
        raise NotFoundException
    old = cookies.read(request.scope["headers"], cookies.SESSION)
    session_id = await sessions.renew(old, data.account, address=address_of(request))
    if session_id is None:  # it ended a moment ago, and must not come back like this
        raise SignInNeeded
    return see_other(own_path(data.next), cookie(cookies.SESSION, session_id))
