"""All that customers ever sent, for staff: how far each thing is, without what was written."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.finding import PAGE, Found, Wanted, fits, page_of, pattern_of, some_of
from gateway.outbox.states import State
from gateway.outbox.steps import Story, called_of, read_story
from gateway.outbox.stuck import Claim, StuckError, claim_of
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account


class RequestsWanted(Wanted, frozen=True, kw_only=True):
    """Which of what customers sent.

    `words` are a part of its reference, number or subject, or of the account's id or name, as it was then.
    """

    topic: str = ""
    account: str = ""


class Outgoing(Struct, frozen=True, kw_only=True):
    """One thing that a customer sent. `error` is what the last try came to, `topic` what they chose to ask for."""

    reference: str
    account: str
    account_name: str
    source: str
    action: str
    topic: str | None
    state: State
    made_at: datetime
    done_at: datetime | None
    tries: int
    number: str | None
    record: str | None
    error: str | None


class Told(Struct, frozen=True, kw_only=True):
    """One of them with all that happened. Who changes it says which `version` they saw."""

    sent: Outgoing
    version: int
    due_at: datetime | None
    claim: Claim | None
    claimed_by: str | None  # what staff call them
    story: Story


async def find(db: Database, wanted: RequestsWanted, page: int, *, size: int = PAGE) -> Found[Outgoing]:
    """Find what was sent. Pages count from 1. Raises `DatabaseDown`."""
    async with db.read() as session:
        if wanted.words:
            ids = sa.select(OutboxRow.id).where(*_fits(wanted)).order_by(OutboxRow.id.desc())
            some = await some_of(session, ids, page, size)
            return Found(await _read(session, some.found), some.count, some.is_more)
        shown, count = await page_of(session, OutboxRow.id, _fits(wanted), page, size)
        return Found(await _read(session, shown), count)


async def tell(db: Database, reference: str, now: datetime) -> Told:
    """Tell all about one. Raises `StuckError` where there is none, and `DatabaseDown`."""
    async with db.read() as session:
        row = await session.scalar(sa.select(OutboxRow).where(OutboxRow.reference == reference.upper()))
        if row is None:
            raise StuckError("there is no such reference")
        (sent,) = await _read(session, [row.id])
        claim = claim_of(row, now)
        called = await called_of(session, {claim.by}) if claim else {}
        return Told(
            sent=sent,
            version=row.turn,
            due_at=row.due_at,
            claim=claim,
            claimed_by=called.get(claim.by, claim.by) if claim else None,
            story=await read_story(session, row),
        )


async def _read(session: AsyncSession, ids: Collection[str]) -> tuple[Outgoing, ...]:
    rows = sa.select(OutboxRow, Account.name).join(Account, Account.id == OutboxRow.account_id)
    found = await session.execute(rows.where(OutboxRow.id.in_(ids)).order_by(OutboxRow.id.desc()))
    return tuple(_outgoing(row, name) for row, name in found)


def _fits(wanted: RequestsWanted) -> list[sa.ColumnElement[bool]]:
    found = fits(wanted, OutboxRow.id, OutboxRow.state, OutboxRow.source)
    if wanted.topic:
        found.append(OutboxRow.topic == wanted.topic)
    if wanted.account:
        found.append(OutboxRow.account_id == wanted.account)
    if wanted.words:
        found.append(OutboxRow.words.like(pattern_of(wanted.words), escape="/"))
    return found


def _outgoing(row: OutboxRow, account_name: str) -> Outgoing:
    state: State = row.state  # type: ignore[assignment]  # as it was written
    return Outgoing(
        reference=row.reference,
        account=row.account_id,
        account_name=account_name,
        source=row.source,
        action=row.action,
        topic=row.topic,
        state=state,
        made_at=row.made_at,
        done_at=row.done_at,
        tries=row.tries,
        number=row.number,
        record=row.record,
        error=row.error,
    )
