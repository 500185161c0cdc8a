"""Where a provider tells us that somebody signed out over there.

https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest
"""

from typing import Any

import structlog
from litestar import MediaType, Request, Response, post

from auth.cross_site import TooLarge, fields, is_form, read_form
from auth.errors import NotBelieved, SignInError
from auth.guards import FROM_ELSEWHERE, PUBLIC
from auth.providers import Providers
from auth.sessions import Sessions
from gateway.records.database import DatabaseDown

log = structlog.get_logger()


@post("/auth/backchannel-logout", opt={**PUBLIC, **FROM_ELSEWHERE}, include_in_schema=False)
async def take_logout(request: Request[Any, Any, Any]) -> Response[bytes]:
    """End the sessions that a logout token names. Whoever sends something else learns only that it was refused."""
    providers: Providers = request.app.state.providers
    sessions: Sessions = request.app.state.sessions
    try:
        token = await _token(request)
        oidc = providers.named_in(token)
        logout = await oidc.take_logout(token)
        ended = await sessions.end_at_provider(oidc.provider.id, logout.issuer, logout.subject, logout.sid)
    except SignInError as error:
        return _refused(error.reason)
    except DatabaseDown as error:
        return _refused(str(error))
    log.info("signed out at the provider", sessions=ended)
    return Response(b"", status_code=200)


async def _token(request: Request[Any, Any, Any]) -> str:
    if not is_form(request.scope["headers"]):
        raise NotBelieved("logout: not a form")
    try:
        given = fields(await read_form(request.receive), "logout_token")
    except TooLarge as error:
        raise NotBelieved("logout: too large") from error
    if len(given) != 1:
        raise NotBelieved("logout: not one token")
    return given[0].decode("latin-1")


def _refused(reason: str) -> Response[bytes]:
    log.warning("logout of the provider refused", reason=reason)
    return Response(b'{"error": "invalid_request"}', status_code=400, media_type=MediaType.JSON)
