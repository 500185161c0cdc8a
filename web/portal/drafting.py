"""What was written when the session was over: its writer finds it again after signing in, see `gateway.drafts`."""

from typing import Any

from litestar import Request

from auth.principals import Visiting
from gateway.drafts import Drafts
from gateway.languages import gettext_noop

RESTORED = gettext_noop("You were signed out while you wrote. This is what you wrote. It was not sent.")


async def draft_of(request: Request[Visiting, Any, Any], path: str) -> dict[str, str] | None:
    """Find what was written on the way to `path`, if the address says that there is something."""
    if "draft" not in request.query_params:
        return None
    drafts: Drafts = request.app.state.drafts
    return await drafts.find(request.user.session.hex(), request.user.member_id, request.user.account_id, path)


def again_of(request: Request[Visiting, Any, Any]) -> str:
    """Give what an address needs at its end for the page to look for what was written, as this one says."""
    return "?draft=1" if "draft" in request.query_params else ""


async def drop_draft(request: Request[Visiting, Any, Any]) -> None:
    """Forget what was written: it has been sent."""
    drafts: Drafts = request.app.state.drafts
    await drafts.drop(request.user.session.hex())
