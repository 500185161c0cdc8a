"""Where the link of an invitation leads: who is invited, the way in, and a way to hear no more of it.

Looking changes nothing: programs open what is in mails before people do.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from auth.clock import utc_now
from auth.guards import FROM_ELSEWHERE, PUBLIC
from gateway.identity.opening import Opening, note_opened, opening, stop
from gateway.mails.choices import MailDesk
from web.caller import address_of
from web.redirects import see_other
from web.view import render


@get("/invited/{token:str}", opt=PUBLIC, include_in_schema=False)
async def show_invitation(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    return render(request, "invited.html", token=token, found=await _found(request, token))


@post("/invited/{token:str}", opt={**PUBLIC, **FROM_ELSEWHERE}, include_in_schema=False)
async def follow_invitation(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """Go and sign in. The address that was invited has to be proven there: the link proves nothing."""
    await _found(request, token)
    await note_opened(request.app.state.database, _mail(request, token), utc_now())
    return see_other("/sign-in?next=/welcome")


@get("/invited/{token:str}/stop", opt=PUBLIC, include_in_schema=False)
async def show_stop_inviting(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """Ask whether they mean it."""
    found = await _found(request, token)
    return render(request, "invited_stop.html", token=token, found=found, done=found.is_stopped)


@post("/invited/{token:str}/stop", opt={**PUBLIC, **FROM_ELSEWHERE}, include_in_schema=False)
async def stop_inviting(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """Stop mails about it. The token is the proof, and one click in a mail program is enough (RFC 8058)."""
    found, state = await _found(request, token), request.app.state
    await stop(state.database, _mail(request, token), address_of(request), trail=state.trail, now=utc_now())
    return render(request, "invited_stop.html", token=token, found=found, done=True)


INVITED = (show_invitation, follow_invitation, show_stop_inviting, stop_inviting)


async def _found(request: Request[Any, Any, Any], token: str) -> Opening:
    found = await opening(request.app.state.database, _mail(request, token), utc_now())
    if found is None:
        raise NotFoundException
    return found


def _mail(request: Request[Any, Any, Any], token: str) -> str:
    mails: MailDesk = request.app.state.mails
    mail = mails.invitations.read(token)
    if mail is None:
        raise NotFoundException
    return mail
