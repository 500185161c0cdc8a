"""The way out of mails, for whoever holds one: without signing in, and by one click of their mail program.

https://www.rfc-editor.org/rfc/rfc8058. Looking changes nothing: programs open what is in mails before people do.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from auth.guards import FROM_ELSEWHERE, PUBLIC
from gateway.languages import gettext
from gateway.mails.choices import MailDesk, Stop
from gateway.mails.words import WHEN
from gateway.records.lines import By
from web.caller import address_of
from web.invited import INVITED
from web.view import render


@get("/mails/stop/{token:str}", opt=PUBLIC, include_in_schema=False)
async def show_stop(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """Ask whether they mean it."""
    return render(request, "mails_stop.html", token=token, when=gettext(WHEN[_stop(request, token).event]), done=False)


@post("/mails/stop/{token:str}", opt={**PUBLIC, **FROM_ELSEWHERE}, include_in_schema=False)
async def stop_mails(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[str]:
    """Stop them. The token is the proof; nobody has to be signed in, and whoever is changes nothing."""
    stop = _stop(request, token)
    mails: MailDesk = request.app.state.mails
    await mails.choices.stop(stop, By(f"member/{stop.member}", "portal", address_of(request)))
    return render(request, "mails_stop.html", token=token, when=gettext(WHEN[stop.event]), done=True)


STOPS = (show_stop, stop_mails, *INVITED)


def _stop(request: Request[Any, Any, Any], token: str) -> Stop:
    mails: MailDesk = request.app.state.mails
    stop = mails.stops.read(token)
    if stop is None:
        raise NotFoundException
    return stop
