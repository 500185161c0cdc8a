"""Beginning a session for somebody who has just proved who they are, whichever way they did."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.datastructures import Cookie

from auth import cookies
from auth.clock import utc_now
from auth.hidden import Hidden
from auth.principals import Kind, Role
from auth.provider import Identity
from auth.sessions import Sessions
from gateway.access import accounts_of, remember, remember_staff
from gateway.audit import Trail
from gateway.drafts import Drafts
from gateway.identity.arrival import Arrivals
from gateway.profile import chosen_language
from gateway.records.database import Database
from web.caller import address_of
from web.redirects import cookie, dropped, see_other
from web.speaking import asked_of, remembered

log = structlog.get_logger()


async def enter(  # all that a provider may say
    request: Request[Any, Any, Any],
    kind: Kind,
    identity: Identity,
    *,
    provider: str,
    return_to: str,
    begun_with: str,
    id_token: Hidden | None = None,
    sid: str | None = None,
    role: Role | None = None,
) -> Response[str]:
    """Begin a session, always a new one, and send the browser on. The one that it had ends.

    `provider` is where they proved it, and `begun_with` the cookie that they needed for that. Raises `Disabled`.
    """
    sessions: Sessions = request.app.state.sessions
    kept: list[Cookie] = []
    if kind == "staff":
        staff_id = await _remember_staff(request, identity, role)
        session_id = await sessions.create_for_staff(staff_id, id_token, sid, provider, address=address_of(request))
        log.info("staff signed in", staff=staff_id)
    else:
        member_id, account_id = await _remember_member(request, identity)
        session_id = await sessions.create(member_id, account_id, id_token, sid, provider, address=address_of(request))
        kept += await _language_of(request, member_id)
        log.info("signed in", member=member_id)
    old = cookies.read(request.scope["headers"], cookies.SESSION)  # it is about to be replaced
    await sessions.end(old, address=address_of(request))
    await _take_over_draft(request, old, session_id)
    return see_other(return_to, cookie(cookies.SESSION, session_id), dropped(begun_with), *kept)


async def _remember_member(request: Request[Any, Any, Any], identity: Identity) -> tuple[str, str | None]:
    """Note that they came, and tie them to what is theirs. Gives the member and the account that they act for first."""
    database: Database = request.app.state.database
    trail: Trail = request.app.state.trail
    arrivals: Arrivals = request.app.state.arrivals
    address = address_of(request)
    language = asked_of(request.scope["headers"], request.app.state.languages)
    member_id = await remember(database, identity, utc_now(), trail=trail, address=address, language=language)
    await arrivals.arrive(member_id, identity, address)
    accounts = await accounts_of(database, member_id)
    return member_id, accounts[0].id if accounts else None


async def _language_of(request: Request[Any, Any, Any], member_id: str) -> list[Cookie]:
    """Have the browser remember what the member chose, instead of what somebody else did."""
    chosen = await chosen_language(request.app.state.database, member_id)
    is_there = cookies.read(request.scope["headers"], cookies.LANGUAGE) is not None
    return [remembered(chosen)] if chosen or is_there else []


async def _remember_staff(request: Request[Any, Any, Any], identity: Identity, role: Role | None) -> str:
    database: Database = request.app.state.database
    trail: Trail = request.app.state.trail
    return await remember_staff(database, identity, utc_now(), role=role, trail=trail, address=address_of(request))


async def _take_over_draft(request: Request[Any, Any, Any], old: str | None, new: str) -> None:
    """Give back what was written when the session before was over."""
    sessions: Sessions = request.app.state.sessions
    drafts: Drafts = request.app.state.drafts
    before, now = sessions.name_of(old), sessions.name_of(new)
    if before and now:
        await drafts.take_over(before, now)
