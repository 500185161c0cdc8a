"""All that customers ever sent, for staff: how far each thing is, without what was written."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from gateway.finding import PAGE, Wanted, fits
from gateway.outbox.states import State
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow


class Outgoing(Struct, frozen=True, kw_only=True):
    """One thing that a customer sent. `error` is what the last try came to."""

    reference: str
    account: str
    source: str
    action: str
    state: State
    made_at: datetime
    done_at: datetime | None
    tries: int
    number: str | None
    error: str | None


class Found(Struct, frozen=True):
    """One page of what was found, the latest first, and how much that is in all."""

    found: tuple[Outgoing, ...]
    count: int


async def find(db: Database, wanted: Wanted, page: int, *, size: int = PAGE) -> Found:
    """Find what was sent. Pages count from 1. Raises `DatabaseDown`."""
    these = _fits(wanted)
    ids = sa.select(OutboxRow.id).where(*these).order_by(OutboxRow.id.desc()).limit(size).offset((page - 1) * size)
    async with db.read() as session:
        count = await session.scalar(sa.select(sa.func.count(OutboxRow.id)).where(*these)) or 0
        shown = list(await session.scalars(ids))
        rows = await session.scalars(sa.select(OutboxRow).where(OutboxRow.id.in_(shown)).order_by(OutboxRow.id.desc()))
        return Found(tuple(map(_outgoing, rows)), count)


def _fits(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Words are a reference or an account."""
    found = fits(wanted, OutboxRow.id, OutboxRow.state, OutboxRow.source)
    if wanted.words:
        fitting = (OutboxRow.reference == wanted.words.upper(), OutboxRow.account_id == wanted.words)
        found.append(OutboxRow.id.in_(sa.union(*(sa.select(OutboxRow.id).where(each) for each in fitting))))
    return found


def _outgoing(row: OutboxRow) -> Outgoing:
    state: State = row.state  # type: ignore[assignment]  # as it was written
    return Outgoing(
        reference=row.reference,
        account=row.account_id,
        source=row.source,
        action=row.action,
        state=state,
        made_at=row.made_at,
        done_at=row.done_at,
        tries=row.tries,
        number=row.number,
        error=row.error,
    )
