"""What customers sent and we could not do by ourselves: staff look, and say what has become of it."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.outbox.states import OPEN, State
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.outbox_tables import OutboxRow

STUCK: Final[frozenset[State]] = frozenset({"needs_staff", "unknown"})
WORDS: Final[frozenset[str]] = frozenset({"subject", "text", "reason", "comment"})  # what a person wrote
SAID: Final = {True: "yes", False: "no"}


class StuckError(Exception):
    """There is no such thing, or nothing is to be decided about it. The text says what to do."""


class Stuck(Struct, frozen=True, kw_only=True):
    """Something that a customer sent. `words` are theirs, `error` is what the last try came to, for staff."""

    reference: str
    account: str
    source: str
    action: str
    state: State
    made_at: datetime
    tried_at: datetime | None
    tries: int
    error: str | None
    about: dict[str, str]
    words: dict[str, str]


class Backlog(Struct, frozen=True):
    """How much of a source's is `waiting` to be sent and since when; of how much nobody can say, or was `not_sent`."""

    waiting: int = 0
    since: datetime | None = None
    unknown: int = 0
    not_sent: int = 0

    @property
    def stuck(self) -> int:
        return self.unknown + self.not_sent


async def stuck(db: Database, states: Collection[State] = STUCK) -> tuple[Stuck, ...]:
    """List what is in one of the `states`, the oldest first. Raises `DatabaseDown`."""
    rows = sa.select(OutboxRow).where(OutboxRow.state.in_(states)).order_by(OutboxRow.id)
    async with db.read() as session:
        return tuple(map(_stuck, await session.scalars(rows)))


async def one(db: Database, reference: str) -> Stuck:
    """Raises `StuckError` where there is none, and `DatabaseDown`."""
    async with db.read() as session:
        return _stuck(await _find(session, reference))


async def look_at(db: Database, *, trail: Trail, by: By, reference: str) -> Stuck:
    """Like `one`, and tell the trail who has read it."""
    async with db.write() as session:
        row = await _find(session, reference)
        await trail.record(session, _line("message.looked_up", by, row))
        return _stuck(row)


async def backlogs(db: Database) -> dict[str, Backlog]:
    """Say of each source what is not done. Raises `DatabaseDown`."""
    is_stuck = OutboxRow.state.in_(STUCK)
    counted = (
        sa.select(
            OutboxRow.source,
            sa.func.count().filter(~is_stuck),
            sa.func.min(OutboxRow.made_at).filter(~is_stuck),
            sa.func.count().filter(OutboxRow.state == "unknown"),
            sa.func.count().filter(OutboxRow.state == "needs_staff"),
        )
        .where(OutboxRow.state.in_(OPEN - {"needs_you"}))
        .group_by(OutboxRow.source)
    )
    async with db.read() as session:
        found = await session.execute(counted)
        return {
            source: Backlog(waiting, since, unknown, not_sent) for source, waiting, since, unknown, not_sent in found
        }


async def send_again(db: Database, *, trail: Trail, by: By, reference: str, now: datetime) -> None:
    """Say that it has not arrived: it is tried as if for the first time. Raises `StuckError` and `DatabaseDown`."""
    async with db.write() as session:
        row = await _stopped(session, reference)
        row.state, row.due_at, row.in_doubt_since, row.error = "waiting", now, None, None
        row.tries, row.turn = 0, row.turn + 1
        await trail.record(session, _line("message.sent_again", by, row))


async def settle(db: Database, *, trail: Trail, by: By, reference: str, number: str, now: datetime) -> None:
    """Say that it is done over there, under this `number`: it had arrived, or somebody did it by hand.

    Raises `StuckError` and `DatabaseDown`.
    """
    async with db.write() as session:
        row = await _stopped(session, reference)
        row.state, row.due_at, row.done_at, row.number, row.error = "sent", None, now, number, None
        row.turn += 1
        await trail.record(session, _line("message.settled", by, row))


async def _find(session: AsyncSession, reference: str, *, to_change: bool = False) -> OutboxRow:
    its = sa.select(OutboxRow).where(OutboxRow.reference == reference.upper())
    row = await session.scalar(its.with_for_update() if to_change else its)
    if row is None:
        raise StuckError("there is no such reference: `hallway outbox list --all` has all that is not done")
    return row


async def _stopped(session: AsyncSession, reference: str) -> OutboxRow:
    row = await _find(session, reference, to_change=True)
    if row.state not in STUCK:
        raise StuckError(f"nothing is to be decided about {row.reference}: it is {row.state.replace('_', ' ')}")
    return row


def _line(what: What, by: By, row: OutboxRow) -> Line:
    owner = f"member/{row.member_id}" if row.member_id else f"account/{row.account_id}"
    details = {"source": row.source, "action": row.action, "reference": row.reference}
    return Line(
        what=what,
        by=by,
        about=owner,
        account=row.account_id,
        details=details,
        personal={"number": row.number} if row.number else {},
        owner=owner,
    )


def _stuck(row: OutboxRow) -> Stuck:
    state: State = row.state  # type: ignore[assignment]  # as it was written
    told = {name: SAID.get(value, value) if isinstance(value, bool) else value for name, value in row.asked.items()}
    asked = {name: value for name, value in told.items() if isinstance(value, str) and value and name != "reference"}
    return Stuck(
        reference=row.reference,
        account=row.account_id,
        source=row.source,
        action=row.action,
        state=state,
        made_at=row.made_at,
        tried_at=row.tried_at,
        tries=row.tries,
        error=row.error,
        about={name: value for name, value in asked.items() if name not in WORDS},
        words={name: value for name, value in asked.items() if name in WORDS},
    )
