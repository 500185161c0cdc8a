"""From what was asked for to what is known: out of the cache while the promise holds, else fetched, once for all.

A page never owns a call to a back office: the flight does. So a closed browser cancels nothing, and two pages of one
process that miss the same snapshot share a call. Turns in Redis do the same for two processes.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Literal, ParamSpec, TypeVar

import structlog
from msgspec import Struct

from auth.clock import Clock
from cache.client import CacheDown
from cache.flight import Flight
from cache.recent import Recent
from cache.snapshots import stamp
from cache.turns import Turns
from connectors.errors import ConnectorError, Unavailable
from connectors.records import Kind
from gateway.kept import Kept
from gateway.offices import SourcePaused
from gateway.pull import NEVER, Known, Pull, pull
from gateway.troubles import Troubles

LOOK_EVERY = 0.05  # seconds between looks at what another process is fetching
# For so many promises a page shows what it has, if the new answer is not there in a moment. What is older waits for it
# as long as the page may. Nobody waits for a source that did not answer last time.
SHOWN_LATE = 5
MOMENT = 0.2  # seconds
RECENT = 1000  # lists and records that a process remembers for the time that Redis is away
TRIES = 20  # to be heard by a Redis that is there

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")
# "paused": staff want nothing to be asked of its source, and what is known of it is shown.
State = Literal["on_time", "late", "paused", "waiting", "down"]


class FailedLately(Unavailable):
    """Not asked: the same question had no answer a moment ago."""


class Supplied(Struct, frozen=True):
    """What is known, None where nothing is, and why it is not newer. `asking`: a call is under way."""

    known: Known | None
    state: State
    asking: bool = False


class Question(Struct):
    """What is wanted and what we have. `call` None: it is not asked, because it is not due or failed a moment ago."""

    want: Pull
    have: Known | None
    was_due: bool = False
    call: asyncio.Future[Known] | None = None

    @property
    def is_paused(self) -> bool:
        return self.want.office.paused_at is not None

    def is_late(self, now: datetime) -> bool:
        return self.have is None or now - self.have.as_of > self.want.promise

    def is_needed(self, now: datetime) -> bool:
        """Whether what we have is too little, or too old, to be shown before there is an answer."""
        return self.have is None or now - self.have.followed_to > self.want.promise * SHOWN_LATE


class Supply:
    """Serves what is wanted, and renews what is older than its promise."""

    def __init__(
        self, kept: Kept, turns: Turns, flight: Flight[Known], *, clock: Clock, troubles: Troubles | None = None
    ) -> None:
        self._troubles = troubles
        self._kept = kept
        self._turns = turns
        self._flight = flight
        self._clock = clock
        self._recent: Recent[Known] = Recent(RECENT)
        self._silent: set[tuple[str, Kind]] = set()  # what was not answered last time

    async def serve(self, wants: Sequence[Pull], until: float) -> tuple[bytes | None, list[Supplied]]:
        """Answer in the order of `wants`, all of one account, by `until` on the event loop's clock.

        Gives also the version of the account's snapshots if nothing but them was needed.
        """
        version, known = await self._stored(wants)
        now = self._clock()
        questions = [Question(want, have) for want, have in zip(wants, known, strict=True)]
        due = [question for question in questions if question.is_late(now)]
        for question in due:
            question.was_due = True
            if not question.is_paused and not self._turns.failed_lately(question.want.key):
                renew = partial(self._renew, question.want, question.have)
                question.call = self._flight.join(question.want.key, renew)
        await self._wait(due, now, until)
        return None if due else version, [self._supplied(question) for question in questions]

    async def announce(self, account: str) -> None:
        """Let open pages of an account look again. Without Redis they do so by themselves."""
        with suppress(CacheDown):
            await self._kept.renew(account)

    async def look_again(self, want: Pull, since: datetime) -> None:
        """Renew what is kept, if it was asked for before. What nobody keeps is left for whoever wants it first.

        Raises `ConnectorError`.
        """
        _, (have,) = await self._stored([want])
        if have is None:  # what is on its way for the first time may be older than the event
            await self._end_of_first_call(want)
            _, (have,) = await self._stored([want])
        while have and have.fetched_at < since:
            # A call that is under way may have begun before: then it is not the last one.
            have = await self._flight.join(want.key, partial(self._renew, want, have))

    async def _end_of_first_call(self, want: Pull) -> None:
        """Wait for who is fetching it, here or in another process, if anybody is. What fails leaves nothing."""
        if call := self._flight.underway(want.key):
            await asyncio.wait([call])
        with suppress(CacheDown):
            while await self._turns.is_taken(want.key):  # noqa: ASYNC110  # it ends in another process
                await asyncio.sleep(LOOK_EVERY)

    async def _stored(self, wants: Sequence[Pull]) -> tuple[bytes | None, list[Known | None]]:
        if not wants:
            return None, []
        try:
            shelf = await self._kept.read(wants)
        except CacheDown:
            return None, [self._recent.get(want.key) for want in wants]
        for want, have in zip(wants, shelf.known, strict=True):
            if have:
                self._recent.put(want.key, have)
        return shelf.version, shelf.known

    async def _wait(self, due: Sequence["Question"], now: datetime, until: float) -> None:
        """Wait as long as the page may for what it needs, or a moment for what would only be newer."""
        hopeful = [each for each in due if each.call and each.want.topic not in self._silent]
        needed = [each for each in hopeful if each.is_needed(now)]
        calls = [each.call for each in needed or hopeful if each.call]
        if calls:
            left = max(until - asyncio.get_running_loop().time(), 0)
            await asyncio.wait(calls, timeout=left if needed else min(left, MOMENT))

    def _supplied(self, question: "Question") -> Supplied:
        have, call = question.have, question.call
        if question.is_paused:
            return Supplied(have, "paused")
        if call is None:
            return Supplied(have, "down" if question.was_due else "on_time")
        if not call.done():
            if have is None:
                return Supplied(None, "waiting", asking=True)
            return Supplied(have, "down" if question.want.topic in self._silent else "late", asking=True)
        if call.exception() is not None:
            return Supplied(have, "down")
        return Supplied(call.result(), "on_time")

    async def _renew(self, want: Pull, have: Known | None) -> Known:
        """Fetch, or let another process do it and read what it stored. Without Redis each process fetches."""
        name = secrets.token_hex(8)
        newest = have.fetched_at if have else NEVER
        with suppress(CacheDown):
            while (verdict := await self._heard(self._turns.take, want.key, name, stamp(newest))) != "mine":
                if verdict == "failed":
                    raise FailedLately(f"{want.source} did not answer a moment ago")
                if verdict == "busy":
                    await asyncio.sleep(LOOK_EVERY)
                    continue
                (have,) = (await self._heard(self._kept.read, [want])).known
                if have and self._clock() - have.fetched_at <= want.promise:
                    return have
                newest = have.fetched_at if have else self._clock()  # of no use: fetch it all the same
        return await self._fetch(want, have, name)

    async def _heard(self, ask: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        """Ask Redis, and again while it is only we who are too busy to hear the answer in time. Raises `CacheDown`."""
        for _ in range(TRIES):
            with suppress(CacheDown):
                return await ask(*args, **options)
            if not self._turns.reachable:
                break
        raise CacheDown("not heard")

    async def _fetch(self, want: Pull, have: Known | None, name: str) -> Known:
        try:
            known = await pull(want, self._clock())
        except Exception as error:
            self._failed(want, error)
            with suppress(CacheDown):
                await self._turns.end(want.key, name, failed=True)
            raise
        except asyncio.CancelledError:  # this process is stopping: let another one go on
            with suppress(CacheDown):
                await self._turns.end(want.key, name, failed=False)
            raise
        self._answered(want)
        with suppress(CacheDown):  # the page has its answer all the same
            known = await self._heard(self._kept.put, want, known, have)
            await self._heard(self._turns.end, want.key, name, failed=False)
        self._recent.put(want.key, known)
        return known

    def _failed(self, want: Pull, error: Exception) -> None:
        """Log once when a source stops answering; a bug of ours every time, with its traceback."""
        if isinstance(error, SourcePaused):
            return
        if self._troubles and isinstance(error, ConnectorError) and want.office.is_asked:
            self._troubles.failed(want.source, want.kind, error)
        if not isinstance(error, ConnectorError):
            log.error("read failed", source=want.source, kind=want.kind, exc_info=error)
        elif want.topic not in self._silent:
            self._silent.add(want.topic)
            log.warning(
                "source away", source=want.source, kind=want.kind, error=type(error).__name__, detail=str(error)
            )

    def _answered(self, want: Pull) -> None:
        if self._troubles:
            self._troubles.answered(want.source, want.kind)
        if want.topic in self._silent:
            self._silent.discard(want.topic)
            log.info("source is back", source=want.source, kind=want.kind)
