"""What is done again and again beside the requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from auth.clock import Clock
from gateway.records.database import DatabaseDown

log = structlog.get_logger()


class Rounds:
    """Does `turn` every so many seconds, the first time after `delay`, and sooner when woken.

    A turn that fails is logged, `what` names it there; the next one comes all the same.
    """

    def __init__(self, what: str, turn: Callable[[], Awaitable[object]], *, every: float, delay: float = 0.0) -> None:
        self._what = what
        self._turn = turn
        self._every = every
        self._delay = delay
        self._woken = asyncio.Event()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        self._woken.set()

    async def finish(self, last: Callable[[], Awaitable[object]] | None = None) -> None:
        """Let the turn that is under way come to its end, and begin no other. `last` is done where SQL answers."""
        self._is_closing = True
        self.wake()
        if self._task is not None:
            await self._task
        if last is not None:
            with suppress(DatabaseDown):
                await last()

    async def stop(self) -> None:
        """Cancel the turn that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        if self._delay:
            await self._wait(self._delay)
        while not self._is_closing:
            self._woken.clear()
            try:
                with suppress(DatabaseDown):  # whoever needs it now says so
                    await self._turn()
            except Exception as error:  # noqa: BLE001  # the next turn must come all the same
                log.error("round failed", what=self._what, error=type(error).__name__)  # noqa: TRY400  # a trace shows values
            await self._wait(self._every)

    async def _wait(self, seconds: float) -> None:
        if not self._is_closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()


class Seldom:
    """Does something in the turns of rounds that come far more often: at the first one, and then every so often.

    What fails is tried again at the next turn.
    """

    def __init__(self, act: Callable[[datetime], Awaitable[object]], clock: Clock, *, every: timedelta) -> None:
        self._act = act
        self._clock = clock
        self._every = every
        self._done_at = datetime.min.replace(tzinfo=UTC)

    async def turn(self) -> None:
        now = self._clock()
        if now - self._done_at >= self._every:
            await self._act(now)
            self._done_at = now
