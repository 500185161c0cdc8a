"""What customers sent and we could not do by ourselves: staff look, and say what has become of it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.outbox.states import OPEN, State
from gateway.outbox.steps import Act, step
from gateway.records.database import Database
from gateway.records.finding import small
from gateway.records.lines import By, Line, What
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account

STUCK: Final[frozenset[State]] = frozenset({"needs_staff", "unknown"})
WORDS: Final[frozenset[str]] = frozenset({"subject", "text", "reason", "comment"})  # what a person wrote
SAID: Final = {True: "yes", False: "no"}
CLAIM_LASTS = timedelta(hours=4)
ANSWER = "answer"  # in the note: what staff said instead of doing it


class Claim(Struct, frozen=True, kw_only=True):
    """Who of staff looks after something, as the audit trail names them, and until when if they do nothing."""

    by: str
    at: datetime
    until: datetime


class StuckError(Exception):
    """There is no such thing, or nothing is to be decided about it. The text says what to do."""


class SomebodyElse(StuckError):  # noqa: N818  # says what is the matter
    """Somebody was quicker, or has taken it on."""


class Stuck(Struct, frozen=True, kw_only=True):
    """Something that a customer sent. `words` are theirs, `error` is what the last try came to, for staff."""

    reference: str
    account: str
    account_name: str
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


async def stuck(db: Database, states: Collection[State] = STUCK, *, most: int | None = None) -> tuple[Stuck, ...]:
    """List what is in one of the `states`, the oldest first. Raises `DatabaseDown`."""
    rows = sa.select(OutboxRow, Account.name).join(Account, Account.id == OutboxRow.account_id)
    async with db.read() as session:
        found = await session.execute(rows.where(OutboxRow.state.in_(states)).order_by(OutboxRow.id).limit(most))
        return tuple(_stuck(row, name) for row, name in found)


async def one(db: Database, reference: str) -> Stuck:
    """Raises `StuckError` where there is none, and `DatabaseDown`."""
    async with db.read() as session:
        return await _told(session, await _find(session, reference))


async def look_at(db: Database, *, trail: Trail, by: By, reference: str) -> Stuck:
    """Like `one`, and tell the trail who has read it."""
    async with db.write() as session:
        row = await _find(session, reference)
        await trail.record(session, line_of("message.looked_up", by, row))
        return await _told(session, row)


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


async def send_again(
    db: Database, *, trail: Trail, by: By, reference: str, now: datetime, seen: int | None = None
) -> None:
    """Say that it has not arrived: it is tried as if for the first time. Raises `StuckError` and `DatabaseDown`."""
    async with db.write() as session:
        row = await decidable(session, reference, by, now, seen)
        row.state, row.due_at, row.in_doubt_since, row.error = "waiting", now, None, None
        row.tries = 0
        decided(session, row, "sent_again", by, now)
        await trail.record(session, line_of("message.sent_again", by, row))


async def settle(
    db: Database, *, trail: Trail, by: By, reference: str, number: str, now: datetime, seen: int | None = None
) -> None:
    """Say that it is done over there, under this `number`: it had arrived, or somebody did it by hand.

    Raises `StuckError` and `DatabaseDown`.
    """
    async with db.write() as session:
        row = await decidable(session, reference, by, now, seen)
        row.state, row.due_at, row.done_at, row.number, row.error = "sent", None, now, number, None
        row.words = small(row.words, number)
        decided(session, row, "settled", by, now, detail=number)
        await trail.record(session, line_of("message.settled", by, row))


async def give_up(
    db: Database, *, trail: Trail, by: By, reference: str, answer: str, now: datetime, seen: int | None = None
) -> None:
    """Say that it is not done, and what the customer reads instead. Raises `StuckError` and `DatabaseDown`."""
    async with db.write() as session:
        row = await decidable(session, reference, by, now, seen)
        row.state, row.due_at, row.done_at = "dropped", None, now
        row.note = {**(row.note or {}), ANSWER: answer}
        decided(session, row, "given_up", by, now, detail=answer)
        await trail.record(session, line_of("message.given_up", by, row, answer=answer))


async def decidable(
    session: AsyncSession, reference: str, by: By, now: datetime, seen: int | None, *, to_claim: bool = False
) -> OutboxRow:
    """Lock what waits for a decision, for somebody who saw it as `seen`. None: they saw it just now.

    On the pages nobody decides what a colleague has claimed, they take it over first. Raises `StuckError`.
    """
    row = await _find(session, reference, to_change=True)
    if row.state not in STUCK:
        raise StuckError(f"nothing is to be decided about {row.reference}: it is {row.state.replace('_', ' ')}")
    if seen is not None and row.turn != seen:
        raise SomebodyElse(f"somebody changed {row.reference} since it was looked at")
    claim = claim_of(row, now)
    if claim and not to_claim and by.via == "portal" and claim.by != by.who:
        raise SomebodyElse(f"somebody else looks after {row.reference}")
    return row


def decided(
    session: AsyncSession, row: OutboxRow, what: Act, by: By, now: datetime, *, detail: str | None = None
) -> None:
    """Note a decision, with which nobody has to look after it any more."""
    row.claimed_by, row.claimed_at = None, None
    row.turn += 1
    session.add(step(row.id, what, now, by=by, detail=detail))


def claim_of(row: OutboxRow, now: datetime) -> Claim | None:
    """Say who looks after it, until that is long ago."""
    if row.claimed_by is None or row.claimed_at is None or row.claimed_at <= now - CLAIM_LASTS:
        return None
    return Claim(by=row.claimed_by, at=row.claimed_at, until=row.claimed_at + CLAIM_LASTS)


async def _find(session: AsyncSession, reference: str, *, to_change: bool = False) -> OutboxRow:
    its = sa.select(OutboxRow).where(OutboxRow.reference == reference.upper())
    row = await session.scalar(its.with_for_update() if to_change else its)
    if row is None:
        raise StuckError("there is no such reference: `hallway outbox list --all` has all that is not done")
    return row


def line_of(what: What, by: By, row: OutboxRow, **personal: str) -> Line:
    """Tell the trail about it. `personal` is sealed with what else is."""
    owner = f"member/{row.member_id}" if row.member_id else f"account/{row.account_id}"
    details = {"source": row.source, "action": row.action, "reference": row.reference}
    return Line(
        what=what,
        by=by,
        about=owner,
        account=row.account_id,
        details=details,
        personal=personal | ({"number": row.number} if row.number else {}),
        owner=owner,
    )


async def _told(session: AsyncSession, row: OutboxRow) -> Stuck:
    return _stuck(row, (await session.get_one(Account, row.account_id)).name)


def _stuck(row: OutboxRow, account_name: str) -> Stuck:
    state: State = row.state  # type: ignore[assignment]  # as it was written
    told = {name: SAID.get(value, value) if isinstance(value, bool) else value for name, value in row.asked.items()}
    asked = {name: value for name, value in told.items() if isinstance(value, str) and value and name != "reference"}
    return Stuck(
        reference=row.reference,
        account=row.account_id,
        account_name=account_name,
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
