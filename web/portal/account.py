"""Account: who am I here, why do I see this, where am I signed in, and the way out."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from msgspec import Struct

from auth.principals import Principal
from auth.sessions import Sessions
from gateway.offices import Offices
from gateway.profile import proofs_of
from gateway.records.database import Database
from web.caller import address_of
from web.portal.visit import Visit


class Why(Struct, frozen=True, kw_only=True):
    """One link, in the words of the page."""

    title: str
    customer_word: str
    customer: str
    fact: str
    decided_at: datetime


class SignedIn(Struct, frozen=True, kw_only=True):
    """A browser that the member is signed in with. More than this we do not know of it."""

    is_this: bool
    began_at: datetime
    used_at: datetime


@get("/account")
async def show_account(visit: NamedDependency[Visit], request: Request[Principal, Any, Any]) -> Response[str]:
    return visit.page(
        "account.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        profile=visit.profile,
        proofs=await _why(visit, request.app.state.database, request.app.state.offices),
        sign_ins=await _sign_ins(request),
    )


@post("/account/sign-out-elsewhere")
async def sign_out_elsewhere(request: Request[Principal, Any, Any]) -> Response[str]:
    """End every session of the member but the one that asks."""
    sessions: Sessions = request.app.state.sessions
    await sessions.end_all(request.user.member_id, but=request.user.session, address=address_of(request))
    return Response("", status_code=303, headers={"Location": "/account#sign-ins"})


async def _sign_ins(request: Request[Principal, Any, Any]) -> list[SignedIn]:
    """This browser first, then the others, the last used first."""
    sessions: Sessions = request.app.state.sessions
    found = [
        SignedIn(is_this=entry.id_hash == request.user.session, began_at=entry.created_at, used_at=entry.seen_at)
        for entry in await sessions.list(request.user.member_id)
    ]
    return sorted(found, key=lambda sign_in: not sign_in.is_this)


async def _why(visit: NamedDependency[Visit], database: Database, offices: Offices) -> list[Why]:
    if visit.scope is None:
        return []
    known = await offices.all()
    return [
        Why(
            title=known[proof.source].title,
            customer_word=known[proof.source].connector.scope.customer,
            customer=proof.customer,
            fact=proof.fact,
            decided_at=proof.decided_at,
        )
        for proof in await proofs_of(database, visit.scope.account_id)
        if proof.source in known
    ]
