"""Doing what customers sent: each thing once, however often a process dies or an answer is lost.

That a try begins is committed before anything goes out. So whoever comes next knows that it may have worked, and finds
out before a second one. What a try has not sent in time it never sends, or it could do so after somebody has looked.

Each source has a line of its own: one that is slow, or away with thousands of things to be done, holds up no other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from msgspec.structs import replace

from auth.clock import Clock
from connectors.actions import Action, Asked, Done
from connectors.contract import BackOffice
from connectors.errors import BadResponse, ConnectorError, NotFound, NotSent, Refused, Unavailable
from gateway.keeping import KeptFor
from gateway.offices import Offices
from gateway.outbox.files import has_files, load, purge
from gateway.outbox.references import with_number
from gateway.outbox.states import PAUSES, State, after_an_error, before_a_try, left_nothing
from gateway.outbox.turns import LASTS, WITHIN, Try, Turns
from gateway.records.database import Database, DatabaseDown
from gateway.records.outbox_tables import OutboxRow
from gateway.rounds import Rounds, Seldom

AT_ONCE = 2  # of each source: half of what it bears, for pages ask it too
LONGEST_REST = 30.0  # seconds for a source that is away
LOOK_EVERY = 1.0  # seconds
PURGED_EVERY = timedelta(hours=1)
NOTED_AGAIN, NOTE_EVERY = 10, 1.0  # times, and seconds between them

Found = TypeVar("Found")

log = structlog.get_logger()


class Sending:
    """Works on the outbox from `start` to `aclose`, beside the other processes that do.

    `told` hears how each try has ended, and what was done if it was; it raises nothing. `timer` gives seconds that
    never go back. Files are deleted so long after what they went with was done as `files_kept`
    says, None: never.
    """

    def __init__(
        self,
        db: Database,
        offices: Offices,
        clock: Clock,
        told: Callable[[Try, Done | None], Awaitable[None]],
        *,
        timer: Callable[[], float] = time.monotonic,
        files_kept: KeptFor | None = None,
    ) -> None:
        self._db = db
        self._files_kept = files_kept
        self._purges = Seldom(self._purge, clock, every=PURGED_EVERY)
        self._holds_files = asyncio.Semaphore(1)  # of one thing at a time: they are held whole
        self._turns = Turns(db, clock, timer)
        self._offices = offices
        self._clock = clock
        self._told = told
        self._timer = timer
        self._rounds = Rounds("outbox", self._look, every=LOOK_EVERY)
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

    async def start(self) -> None:
        await self._rounds.start()

    def wake(self) -> None:
        """Look at once: something was written."""
        self._rounds.wake()

    async def aclose(self) -> None:
        """Let what is under way come to its end: it would have to be found out otherwise."""
        self._closing.set()
        await self._rounds.finish()
        await asyncio.gather(*self._lines.values())

    async def work(self) -> int:
        """Try what is due, some of each source, and say how many there were. Raises `DatabaseDown`."""
        tried = await asyncio.gather(*(self._try_some(source) for source in await self._turns.look()))
        return sum(map(len, tried))

    async def _look(self) -> None:
        for source in await self._turns.look() - self._lines.keys():
            self._lines[source] = asyncio.create_task(self._work_on(source))
        await self._purges.turn()

    async def _work_on(self, source: str) -> None:
        """Try what is due of one source, and let it rest while it is away."""
        rest = 0.0
        try:
            while not self._closing.is_set() and (tried := await self._try_some(source)):
                rest = 0.0 if any(tried) else min(max(2 * rest, 1.0), LONGEST_REST)
                await self._pause(rest)
        except DatabaseDown:
            log.warning("outbox not looked at", source=source)  # the next look finds it due
        except Exception:
            log.exception("outbox stopped", source=source)
        finally:
            del self._lines[source]

    async def _try_some(self, source: str) -> list[bool]:
        """Say of each try whether the source would do others now. What goes to one that is paused waits."""
        office = await self._offices.get(source)
        if office is not None and office.paused_at is not None:
            return []
        return await asyncio.gather(*(self._try(each) for each in await self._turns.take(source, AT_ONCE)))

    async def _try(self, each: Try) -> bool:
        try:
            return await self._decide(each)
        except DatabaseDown:
            log.warning("outbox not noted", reference=each.reference)  # its turn ends, and somebody finds out
        except Exception:
            log.exception("outbox failed", reference=each.reference)
        return True

    async def _decide(self, each: Try) -> bool:
        office = await self._offices.get(each.source)
        action = office.connector.actions.get(each.action) if office else None
        if office is None or action is None:
            await self._end(each, "needs_staff", error="there is no such source any more, or it cannot do this")
            return True
        try:
            opened = office.back_office
        except ConnectorError as error:
            return await self._fail(each, error, in_doubt=each.doubt is not None)
        match before_a_try(action, each.doubt):
            case "do":
                return await self._do(opened, action, each)
            case "find":
                return await self._find(opened, action, each)
            case "wait":
                until = action.found_within - (each.doubt.since_the_last if each.doubt else timedelta(0))
                await self._end(each, "waiting", after=until)
            case "ask_staff":
                await self._end(each, "unknown", error="an answer was lost, and the system cannot say what was done")
        return True

    async def _find(self, opened: BackOffice[Any], action: Action[Any, Any], each: Try) -> bool:
        """Look whether an earlier try has worked. Only if it has not, try again."""
        if action.find is None:
            raise TypeError("nothing to find it with")
        try:
            done = await self._in_time(partial(action.find, opened, each.asked), self._timer())
        except ConnectorError as error:
            return await self._fail(each, error, in_doubt=True)
        if done is None:
            return await self._do(opened, action, each)
        await self._end(each, "sent", done=done)
        return True

    async def _do(self, opened: BackOffice[Any], action: Action[Any, Any], each: Try) -> bool:
        if each.tries > len(PAUSES):
            await self._end(each, "needs_staff", error="it was tried again and again, and no try came to an end")
            return True
        async with AsyncExitStack() as stack:
            asked = await self._whole(each, stack)
            begun = self._timer()
            if not await self._begin(each):
                return True
            try:
                done = await self._in_time(partial(action.do, opened, asked), begun)
            except ConnectorError as error:
                return await self._fail(each, error, in_doubt=each.doubt is not None or not left_nothing(error))
        await self._end(each, "sent", done=done)
        return True

    async def _whole(self, each: Try, stack: AsyncExitStack) -> Asked:
        """Put in the files, which are kept apart, in memory until the end of the stack."""
        if not await has_files(self._db, each.id):
            return each.asked
        await stack.enter_async_context(self._holds_files)
        whole: Any = each.asked
        return replace(whole, files=await load(self._db, each.id))  # type: ignore[no-any-return]  # of the same type

    async def _in_time(self, call: Callable[[], Awaitable[Found]], begun: float) -> Found:
        """Call them, until the time of a try is over that has `begun`. Raises `ConnectorError`."""
        left = WITHIN.total_seconds() - (self._timer() - begun)
        if left <= 0:  # we were held up, and somebody may have taken over
            raise NotSent("no time was left for it")
        try:
            async with asyncio.timeout(left):
                return await call()
        except ConnectorError:
            raise
        except TimeoutError as error:
            raise Unavailable(f"not done within {WITHIN.total_seconds():g} s") from error
        except Exception as error:  # it may have gone out, and comes again as often as any other failure
            log.exception("outbox failed")
            raise BadResponse(f"our own mistake: {type(error).__name__}") from error

    async def _begin(self, each: Try) -> bool:
        """Note that something goes out now. False: another process has taken over."""
        now = self._clock()
        began = {
            "in_doubt_since": sa.func.coalesce(OutboxRow.in_doubt_since, now),
            "tried_at": now,
            "tries": each.tries + 1,
            "due_at": now + LASTS,
        }
        return await self._turns.note(each, began)

    async def _fail(self, each: Try, error: ConnectorError, *, in_doubt: bool) -> bool:
        state, pause = after_an_error(error, each.tries + 1)
        if state == "needs_you" and in_doubt:
            state = "needs_staff"  # what they would correct may be there already
        log.warning("not sent", reference=each.reference, source=each.source, error=type(error).__name__)
        await self._end(each, state, after=pause, error=str(error), in_doubt=in_doubt, tries=each.tries + 1)
        return isinstance(error, (Refused, NotFound, BadResponse))

    async def _end(
        self,
        each: Try,
        state: State,
        *,
        done: Done | None = None,
        after: timedelta | None = None,
        error: str | None = None,
        in_doubt: bool = True,
        tries: int | None = None,
    ) -> None:
        now = self._clock()
        values: dict[str, Any] = {"state": state, "due_at": now + after if after is not None else None, "error": error}
        if not in_doubt:
            values["in_doubt_since"] = None
        if tries is not None:
            values["tries"] = tries
        if done:
            values |= {"done_at": now, "record": done.record, "number": done.number}
            values["words"] = with_number(done.number)
        happened = state if error or done or state != "waiting" else None  # a look that comes later is no try
        if await self._note(each, values, happened):
            await self._told(each, done)

    async def _note(self, each: Try, values: dict[str, Any], happened: State | None) -> bool:
        """Write it down as soon as the database lets us: what is not noted has to be found out, or nobody can."""
        for _ in range(NOTED_AGAIN):
            try:
                return await self._turns.note(each, values, happened)
            except DatabaseDown:
                await self._pause(NOTE_EVERY)
        return await self._turns.note(each, values, happened)

    async def _purge(self, now: datetime) -> None:
        if self._files_kept is not None:
            await purge(self._db, now - await self._files_kept())

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()
