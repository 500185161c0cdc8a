"""The keys that seal what is secret, and sealing it all anew with the last one."""

from typing import Any

from litestar import Request, Response, get, post

from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.resealing import Resealing
from gateway.upkeep import Upkeep
from web.caller import by_staff
from web.console.desk import Question, confirm, desk
from web.redirects import see_other
from web.words import count

KEYS = "/staff/settings/keys"
PARTS = {
    "sources": "Secrets of sources",
    "audit_keys": "Keys of the audit trail",
    "audit_head": "The seal of the audit trail",
    "sessions": "Sign-ins",
    "consent_tokens": "Tokens of vendors",
}


@get(KEYS, opt=for_staff("owner"))
async def show_keys(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    resealing: Resealing = request.app.state.resealing
    upkeep: Upkeep = request.app.state.upkeep
    uses = await resealing.uses()
    return desk(
        request,
        "staff_keys.html",
        area="settings",
        uses=uses,
        old=sum(use.total for use in uses if not use.is_current),
        work=await upkeep.progress("reseal"),
        parts=PARTS,
    )


@get(f"{KEYS}/reseal", opt=for_staff("owner"))
async def ask_reseal(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    resealing: Resealing = request.app.state.resealing
    uses = await resealing.uses()
    old = sum(use.total for use in uses if not use.is_current)
    question = Question(
        title=f"Seal all anew with key {uses[0].version}?",
        text="It goes on by itself, also when a server is restarted in between. Nobody is signed out by it.",
        effects=(
            f"{count(old, 'secret', 'secrets')} of older keys {'is' if old == 1 else 'are'} sealed with the newest one."
            if old
            else "Nothing is sealed with an older key, so there is nothing to do now.",
            "No key is taken away. Do that in the key ring, once the page says that a key seals nothing any more.",
            "It is written to the audit trail with your name.",
        ),
        action=f"{KEYS}/reseal",
        button="Seal anew",
        back=KEYS,
    )
    return confirm(request, "settings", question)


@post(f"{KEYS}/reseal", opt=for_staff("owner"))
async def reseal(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Begin, or leave alone what has begun."""
    upkeep: Upkeep = request.app.state.upkeep
    await upkeep.begin("reseal", trail=request.app.state.trail, by=by_staff(request))
    return see_other(KEYS)


ROUTES = [show_keys, ask_reseal, reseal]
