"""Account: who am I here, why do I see this, and the way out."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from gateway.offices import Offices
from gateway.profile import proofs_of
from gateway.records.database import Database
from web.portal.visit import Visit


class Why(Struct, frozen=True, kw_only=True):
    """One link, in the words of the page."""

    title: str
    customer_word: str
    customer: str
    fact: str
    decided_at: datetime


@get("/account")
async def show_account(visit: NamedDependency[Visit], request: Request[Any, Any, Any]) -> Response[str]:
    return visit.page(
        "account.html",
        area="account",
        parts=await visit.parts(),
        about=(),
        profile=visit.profile,
        proofs=await _why(visit, request.app.state.database, request.app.state.offices),
    )


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
