"""Whose turn it is to try something, among all processes that do.

The row says so. A turn is over when another process has watched it for long enough by its own counting, so nothing is
taken from anybody because a clock is wrong, or was put right.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from connectors.actions import ACTIONS, ActionName, Asked
from gateway.outbox.states import Doubt
from gateway.outbox.steps import Happening, step
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow

WITHIN = timedelta(seconds=25)  # that a try may take: what it has not sent by then it never sends
LASTS = timedelta(seconds=30)  # that a turn lasts; a process that died is succeeded after it
WATCHED = 1000  # rows at once; the others are looked at when these are done


class Try(Struct, frozen=True, kw_only=True):
    """A try that is ours, until another one has a later `turn`. `doubt`: whether an earlier one may have worked."""

    id: str
    account: str
    reference: str
    source: str
    action: ActionName
    asked: Asked
    turn: int
    tries: int
    doubt: Doubt | None


class Watched(Struct, frozen=True):
    """A row that somebody tries or has tried: since when we have seen this turn and this try of it, on our timer."""

    turn: int
    tried_at: datetime | None
    turn_since: float
    try_since: float


class Turns:
    """`timer` gives seconds that never go back."""

    def __init__(self, db: Database, clock: Clock, timer: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock
        self._timer = timer
        self._watched: dict[str, Watched] = {}

    async def look(self) -> set[str]:
        """Watch what is tried, and name the sources of which something is to be tried now. Raises `DatabaseDown`."""
        under_way = (
            sa.select(OutboxRow.id, OutboxRow.turn, OutboxRow.tried_at, OutboxRow.source, OutboxRow.state)
            .where(
                OutboxRow.due_at.is_not(None),
                sa.or_(OutboxRow.state == "sending", OutboxRow.in_doubt_since.is_not(None)),
            )
            .order_by(OutboxRow.id)
            .limit(WATCHED)
        )
        waiting = sa.select(OutboxRow.source).where(_waits(self._clock())).distinct()
        async with self._db.read() as session:
            rows = (await session.execute(under_way)).all()
            sources = set(await session.scalars(waiting))
        now, before = self._timer(), self._watched
        self._watched = {id_: _watch(before.get(id_), turn, tried_at, now) for id_, turn, tried_at, _, _ in rows}
        left = (source for id_, _, _, source, state in rows if state == "sending" and self._is_left(id_))
        return sources.union(left)

    async def take(self, source: str, most: int) -> list[Try]:
        """Take some of what is to be tried now. From here on each may have been done. Raises `DatabaseDown`."""
        now = self._clock()
        left = [id_ for id_ in self._watched if self._is_left(id_)]
        mine = (
            sa.select(OutboxRow)
            .where(
                OutboxRow.source == source,
                OutboxRow.action.in_(ACTIONS),  # what a later version knows is left to it
                sa.or_(_waits(now), sa.and_(OutboxRow.state == "sending", OutboxRow.id.in_(left))),
            )
            .order_by(OutboxRow.due_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        taken: list[Try] = []
        async with self._db.write() as session:
            for row in await session.scalars(mine):
                watched = self._watched.get(row.id)
                if row.state == "sending" and (watched is None or watched.turn != row.turn):
                    continue  # another process has been quicker
                try:
                    each = self._try_of(row, now)
                except msgspec.ValidationError as error:
                    row.state, row.due_at, row.error = "needs_staff", None, f"cannot be read: {error}"
                    session.add(step(row.id, "needs_staff", now, detail=row.error))
                    continue
                row.turn, row.state, row.due_at = each.turn, "sending", now + LASTS
                taken.append(each)
        return taken

    async def note(self, each: Try, values: dict[str, Any], happened: Happening | None = None) -> bool:
        """Write down how it stands, and what happened if something did.

        False: it is no longer ours, and nothing was written. Raises `DatabaseDown`.
        """
        mine = sa.update(OutboxRow).where(OutboxRow.id == each.id, OutboxRow.turn == each.turn)
        async with self._db.write() as session:
            is_ours = await session.scalar(mine.values(**values).returning(OutboxRow.id)) is not None
            if is_ours and happened is not None:
                session.add(step(each.id, happened, self._clock(), detail=values.get("error")))
            return is_ours

    def _is_left(self, id_: str) -> bool:
        """Whether nobody can be at it any more."""
        return self._timer() - self._watched[id_].turn_since >= LASTS.total_seconds()

    def _try_of(self, row: OutboxRow, now: datetime) -> Try:
        action: ActionName = row.action  # type: ignore[assignment]  # as it was written
        return Try(
            id=row.id,
            account=row.account_id,
            reference=row.reference,
            source=row.source,
            action=action,
            asked=msgspec.convert(row.asked, ACTIONS[action]),
            turn=row.turn + 1,
            tries=row.tries,
            doubt=self._doubt(row, now),
        )

    def _doubt(self, row: OutboxRow, now: datetime) -> Doubt | None:
        if row.in_doubt_since is None:
            return None
        watched = self._watched.get(row.id)
        is_known = watched is not None and watched.tried_at == row.tried_at
        since = self._timer() - watched.try_since if watched and is_known else 0.0
        return Doubt(since_the_first=now - row.in_doubt_since, since_the_last=timedelta(seconds=since) - WITHIN)


def _waits(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(OutboxRow.state == "waiting", OutboxRow.due_at <= now)


def _watch(before: Watched | None, turn: int, tried_at: datetime | None, now: float) -> Watched:
    if before is None or before.tried_at != tried_at:
        return Watched(turn, tried_at, turn_since=now, try_since=now)
    return Watched(turn, tried_at, before.turn_since if before.turn == turn else now, before.try_since)
