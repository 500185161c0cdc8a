"""Doing what customers sent: each thing once, however often a process dies or an answer is lost.

That a try begins is committed before anything goes out. So whoever comes next knows that it may have worked, and finds
out before a second one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from connectors.actions import ACTIONS, Action, ActionName, Asked, Done
from connectors.errors import ConnectorError
from gateway.offices import Office, Offices
from gateway.outbox.states import Doubt, State, after_an_error, before_a_try, left_nothing
from gateway.records.database import Database, DatabaseDown
from gateway.records.outbox_tables import OutboxRow
from gateway.rounds import Rounds

LASTS = timedelta(seconds=30)  # longer than a call may take; a process that died is succeeded after it
BATCH = 20
LOOK_EVERY = 1.0  # seconds

log = structlog.get_logger()


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


class Sending:
    """Works on the outbox from `start` to `aclose`, beside the other processes that do.

    `told` hears how each try has ended, and what was done if it was; it raises nothing.
    """

    def __init__(
        self, db: Database, offices: Offices, clock: Clock, told: Callable[[Try, Done | None], Awaitable[None]]
    ) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock
        self._told = told
        self._rounds = Rounds("outbox", self._turn, every=LOOK_EVERY)

    async def start(self) -> None:
        await self._rounds.start()

    def wake(self) -> None:
        """Look at once: something was written."""
        self._rounds.wake()

    async def aclose(self) -> None:
        """Let what is under way come to its end: it would have to be found out otherwise."""
        await self._rounds.finish()

    async def work(self) -> int:
        """Try all that is due, and say how many there were. Raises `DatabaseDown`."""
        due = await self._take()
        await asyncio.gather(*(self._try(each) for each in due))
        return len(due)

    async def _turn(self) -> None:
        while await self.work():
            pass

    async def _take(self) -> list[Try]:
        """Take what is due. From here on each may have been done."""
        now = self._clock()
        due = (
            sa.select(OutboxRow)
            .where(OutboxRow.due_at <= now, OutboxRow.state.in_(["waiting", "sending"]))
            .order_by(OutboxRow.due_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        taken: list[Try] = []
        async with self._db.write() as session:
            for row in await session.scalars(due):
                row.turn += 1
                taken.append(_try_of(row, now))
                row.state, row.due_at = "sending", now + LASTS
        return taken

    async def _try(self, each: Try) -> None:
        try:
            await self._decide(each)
        except DatabaseDown:
            log.warning("outbox not noted", reference=each.reference)  # its turn ends, and somebody finds out
        except Exception:
            log.exception("outbox failed", reference=each.reference)

    async def _decide(self, each: Try) -> None:
        office = await self._offices.get(each.source)
        action = office.connector.actions.get(each.action) if office else None
        if office is None or action is None:
            await self._end(each, "needs_staff", error="there is no such source any more, or it cannot do this")
            return
        match before_a_try(action, each.doubt):
            case "do":
                await self._do(office, action, each)
            case "find":
                await self._find(office, action, each)
            case "wait":
                await self._end(each, "waiting", after=action.found_within)
            case "ask_staff":
                await self._end(each, "unknown", error="an answer was lost, and the system cannot say what was done")

    async def _find(self, office: Office, action: Action[Any, Any], each: Try) -> None:
        """Look whether an earlier try has worked. Only if it has not, try again."""
        if action.find is None:
            raise TypeError("nothing to find it with")
        try:
            done = await action.find(office.back_office, each.asked)
        except ConnectorError as error:
            await self._fail(each, error, in_doubt=True)
            return
        if done:
            await self._end(each, "sent", done=done)
        else:
            await self._do(office, action, each)

    async def _do(self, office: Office, action: Action[Any, Any], each: Try) -> None:
        if not await self._begin(each):
            return
        try:
            done = await action.do(office.back_office, each.asked)
        except ConnectorError as error:
            await self._fail(each, error, in_doubt=each.doubt is not None or not left_nothing(error))
        else:
            await self._end(each, "sent", done=done)

    async def _begin(self, each: Try) -> bool:
        """Note that something goes out now. False: another process has taken over."""
        now = self._clock()
        began = {
            "in_doubt_since": sa.func.coalesce(OutboxRow.in_doubt_since, now),
            "tried_at": now,
            "tries": OutboxRow.tries + 1,
            "due_at": now + LASTS,
        }
        return await self._note(each, began)

    async def _fail(self, each: Try, error: ConnectorError, *, in_doubt: bool) -> None:
        state, pause = after_an_error(error, each.tries + 1)
        if state == "needs_you" and in_doubt:
            state = "needs_staff"  # what they would correct may be there already
        log.warning("not sent", reference=each.reference, source=each.source, error=type(error).__name__)
        await self._end(each, state, after=pause, error=str(error), in_doubt=in_doubt)

    async def _end(
        self,
        each: Try,
        state: State,
        *,
        done: Done | None = None,
        after: timedelta | None = None,
        error: str | None = None,
        in_doubt: bool = True,
    ) -> None:
        now = self._clock()
        values: dict[str, Any] = {"state": state, "due_at": now + after if after is not None else None, "error": error}
        if not in_doubt:
            values["in_doubt_since"] = None
        if done:
            values |= {"done_at": now, "record": done.record, "number": done.number}
        if await self._note(each, values):
            await self._told(each, done)

    async def _note(self, each: Try, values: dict[str, Any]) -> bool:
        mine = sa.update(OutboxRow).where(OutboxRow.id == each.id, OutboxRow.turn == each.turn)
        async with self._db.write() as session:
            return await session.scalar(mine.values(**values).returning(OutboxRow.id)) is not None


def _doubt(row: OutboxRow, now: datetime) -> Doubt | None:
    if row.in_doubt_since is None or row.tried_at is None:
        return None
    return Doubt(since_the_first=now - row.in_doubt_since, since_the_last=now - row.tried_at)


def _try_of(row: OutboxRow, now: datetime) -> Try:
    action: ActionName = row.action  # type: ignore[assignment]  # as it was written
    return Try(
        id=row.id,
        account=row.account_id,
        reference=row.reference,
        source=row.source,
        action=action,
        asked=msgspec.convert(row.asked, ACTIONS[action]),
        turn=row.turn,
        tries=row.tries,
        doubt=_doubt(row, now),
    )
