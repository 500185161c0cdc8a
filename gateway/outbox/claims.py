"""Who of staff looks after what could not be passed on. One does, all others see who, until it is decided or long ago.

Who takes it, gives it back or hands it over says which version they saw, so that of two at once one wins.
"""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from auth.principals import ROLES
from auth.visitors import role_of
from gateway.audit import Trail
from gateway.outbox.states import State
from gateway.outbox.steps import called_of, step
from gateway.outbox.stuck import CLAIM_LASTS, STUCK, Claim, StuckError, claim_of, decidable, line_of
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Staff


async def claim(db: Database, *, trail: Trail, by: By, reference: str, seen: int, now: datetime) -> None:
    """Look after it from now on, also in a colleague's place. Raises `StuckError` and `DatabaseDown`."""
    async with db.write() as session:
        row = await decidable(session, reference, by, now, seen, to_claim=True)
        row.claimed_by, row.claimed_at, row.turn = by.who, now, row.turn + 1
        session.add(step(row.id, "claimed", now, by=by))
        await trail.record(session, line_of("message.claimed", by, row))


async def release(db: Database, *, trail: Trail, by: By, reference: str, seen: int, now: datetime) -> None:
    """Leave it to whoever takes it next. Raises `StuckError` and `DatabaseDown`."""
    async with db.write() as session:
        row = await decidable(session, reference, by, now, seen)
        row.claimed_by, row.claimed_at, row.turn = None, None, row.turn + 1
        session.add(step(row.id, "released", now, by=by))
        await trail.record(session, line_of("message.released", by, row))


async def hand_over(
    db: Database, *, trail: Trail, by: By, reference: str, to: str, note: str, seen: int, now: datetime
) -> None:
    """Let a colleague look after it, who is named as the trail does. Raises `StuckError` and `DatabaseDown`."""
    async with db.write() as session:
        row = await decidable(session, reference, by, now, seen)
        staff = await session.get(Staff, to.partition("/")[2])
        if staff is None or not _decides(staff):
            raise StuckError("choose a colleague who may decide about it")
        row.claimed_by, row.claimed_at, row.turn = f"staff/{staff.id}", now, row.turn + 1
        session.add(step(row.id, "handed_over", now, by=by, given_to=row.claimed_by, detail=note))
        line = line_of("message.handed_over", by, row, note=note)
        line.details["to"] = row.claimed_by
        await trail.record(session, line)


class Claimed(Struct, frozen=True, kw_only=True):
    """A claim, and what staff call whose it is."""

    claim: Claim
    called: str
    source: str
    state: State


async def claims_now(db: Database, now: datetime) -> Mapping[str, Claimed]:
    """Say by reference who looks after what. Raises `DatabaseDown`."""
    theirs = (OutboxRow.state.in_(STUCK), OutboxRow.claimed_at > now - CLAIM_LASTS)
    async with db.read() as session:
        rows = (await session.scalars(sa.select(OutboxRow).where(*theirs))).all()
        called = await called_of(session, {row.claimed_by for row in rows if row.claimed_by})
    return {
        row.reference: Claimed(claim=held, called=called.get(held.by, held.by), source=row.source, state=_state(row))
        for row in rows
        if (held := claim_of(row, now))
    }


async def deciders(db: Database) -> tuple[tuple[str, str], ...]:
    """Name all who may decide, as the trail does, and say what they are called. Raises `DatabaseDown`."""
    async with db.read() as session:
        staff = await session.scalars(sa.select(Staff).order_by(Staff.created_at, Staff.id))
        return tuple((f"staff/{each.id}", each.name or each.subject) for each in staff if _decides(each))


def _decides(staff: Staff) -> bool:
    return ROLES.index(role_of(staff)) >= ROLES.index("support")


def _state(row: OutboxRow) -> State:
    return row.state  # type: ignore[return-value]  # as it was written
