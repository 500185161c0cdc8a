"""The inbox: what we told a member, the latest first, each with the way to what it is about."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

from auth.principals import Onlooker, Principal, Visiting
from gateway.mails.messages import Listed, Messages
from gateway.standing import Standings
from web.portal.paths import OURS
from web.portal.visit import Visit
from web.redirects import see_other

INBOX = "/inbox"
Before = Annotated[str, QueryParameter(pattern=OURS, description="Where the page begins: what came before this one")]


@get(INBOX)
async def show_inbox(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], before: Before = ""
) -> Response[bytes]:
    messages: Messages = request.app.state.messages
    found = Listed(messages=(), older=None, is_sure=True)
    if visit.scope and visit.records:
        is_own = not isinstance(request.user, Onlooker)
        found = await messages.of(visit.scope, visit.records, before=before, may_mark=is_own)
    return visit.page(
        "inbox.html",
        area="inbox",
        parts=await visit.parts(),
        about=(),
        inbox=found,
        unread=any(not each.is_read for each in found.messages) or visit.standing.post.unread > 0,
        is_first=not before,
    )


@get(f"{INBOX}/{{message:str}}")
async def go_to_message(
    visit: NamedDependency[Visit], request: Request[Visiting, Any, Any], message: FromPath[str]
) -> Response[str]:
    """Go to what a message is about, which is to have read it."""
    messages: Messages = request.app.state.messages
    found = await messages.one(visit.scope, visit.records, message) if visit.scope and visit.records else None
    if found is None or visit.scope is None:
        raise NotFoundException
    if not found.is_read and not isinstance(request.user, Onlooker):
        await messages.mark(visit.scope, [found.id])
        await _forget(request)
    return see_other(found.subject.place)


@post(f"{INBOX}/read")
async def read_all(visit: NamedDependency[Visit], request: Request[Principal, Any, Any]) -> Response[str]:
    """Call all of them read, or one."""
    messages: Messages = request.app.state.messages
    form = await request.form()
    one = form.get("message")
    if visit.scope:
        await messages.mark(visit.scope, [str(one)[:26].replace("\0", "")] if one else None)
        await _forget(request)
    return see_other(INBOX)


async def _forget(request: Request[Any, Any, Any]) -> None:
    """Let the next page count anew."""
    standings: Standings = request.app.state.standings
    await standings.forget([request.user.session])
