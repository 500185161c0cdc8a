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
from msgspec.structs import replace

from auth.clock import Clock
from connectors.actions import ACTIONS, Action, ActionName, Asked, Done
from connectors.errors import ConnectorError
from gateway.offices import Office, Offices
from gateway.outbox.files import load, purge
from gateway.outbox.states import Doubt, State, after_an_error, before_a_try, left_nothing
from gateway.records.database import Database, DatabaseDown
from gateway.records.outbox_tables import OutboxFile, OutboxRow
from gateway.rounds import Rounds, Seldom

LASTS = timedelta(seconds=30)  # longer than a call may take; a process that died is succeeded after it
LASTS_WITH_FILES = timedelta(seconds=100)  # they take their time
BATCH = 20
LOOK_EVERY = 1.0  # seconds
PURGED_EVERY = timedelta(hours=1)
FILES_KEPT = timedelta(days=7)

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
    has_files: bool = False

    @property
    def lasts(self) -> timedelta:
        return LASTS_WITH_FILES if self.has_files else LASTS


class Sending:
    """Works on the outbox from `start` to `aclose`, beside the other processes that do.

    `told` hears how each try has ended, and what was done if it was; it raises nothing. Files are deleted when what
    they went with was done so long ago as `files_kept` says.
    """

    def __init__(
        self,
        db: Database,
        offices: Offices,
        clock: Clock,
        told: Callable[[Try, Done | None], Awaitable[None]],
        *,
        files_kept: timedelta = FILES_KEPT,
    ) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock
        self._told = told
        self._rounds = Rounds("outbox", self._turn, every=LOOK_EVERY)
        self._purges = Seldom(lambda now: purge(db, now - files_kept), clock, every=PURGED_EVERY)
        self._files = asyncio.Semaphore(1)  # of one thing at a time: they are held whole

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
        await self._purges.turn()

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
            rows = (await session.scalars(due)).all()
            theirs = sa.select(OutboxFile.outbox_id).where(OutboxFile.outbox_id.in_([row.id for row in rows]))
            with_files = set(await session.scalars(theirs)) if rows else set()
            for row in rows:
                row.turn += 1
                each = _try_of(row, now, has_files=row.id in with_files)
                taken.append(each)
                row.state, row.due_at = "sending", now + each.lasts
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
        if not each.has_files:
            await self._do_it(office, action, each, each.asked)
            return
        async with self._files:
            whole: Any = replace(each.asked, files=await load(self._db, each.id))
            await self._do_it(office, action, each, whole)

    async def _do_it(self, office: Office, action: Action[Any, Any], each: Try, asked: Asked) -> None:
        if not await self._begin(each):
            return
        try:
            done = await action.do(office.back_office, asked)
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
            "due_at": now + each.lasts,
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


def _try_of(row: OutboxRow, now: datetime, *, has_files: bool) -> Try:
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
        has_files=has_files,
    )
