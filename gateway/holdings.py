"""How much each source has for an account: for staff who link it, or take a link away. Counts alone, no record."""

from datetime import datetime

from msgspec import Struct

from connectors.records import Kind
from gateway.access import LinkRef, whole_of
from gateway.account_view import AccountViews
from gateway.records.database import Database

KINDS: tuple[Kind, ...] = ("orders", "invoices", "tickets")


class Holding(Struct, frozen=True, kw_only=True):
    """What one source has of one kind. `whole` False: there is more than was read. `fetched_at` None: not known yet."""

    source: str
    title: str
    customer: str
    kind: Kind
    records: int
    whole: bool
    fetched_at: datetime | None


async def holdings_of(
    db: Database, views: AccountViews, account: str, *links: LinkRef, budget: float | None = None
) -> tuple[Holding, ...]:
    """Count what the account's links open, or what these ones would. Raises `DatabaseDown`."""
    scope = await whole_of(db, account, *links)
    if scope is None:
        return ()
    view = await views.of(scope, budget=budget)
    return tuple(
        Holding(
            source=part.source,
            title=part.title,
            customer=part.customer,
            kind=part.kind,
            records=len(part.records) + len(part.left_out),
            whole=part.complete,
            fetched_at=part.fetched_at,
        )
        for part in await view.parts(KINDS)
    )
