"""The budget of each source: one for all processes, in Redis, from which those who wait for a page are served first."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from cache.buckets import Bucket
from cache.client import CacheDown, Client
from connectors.contract import Limits

BURST = 6  # of a minute's calls, a sixth may be sent at once; so no minute has more than it should
FOR_PAGES = 0.5  # of the room, which what nobody waits for leaves alone
ALONE = 4  # without Redis each process takes a share, as if it were one of so many
LONGEST = 1.0  # seconds between two tries


class SharedBudget:
    """The calls to one source. `in_hurry`: somebody waits for them."""

    def __init__(
        self,
        redis: Client,
        source: str,
        limits: Limits,
        *,
        per_minute: int,
        in_hurry: bool,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        room = per_minute / BURST
        self._per_second = (per_minute - room) / 60
        self._bucket = Bucket(redis, source, per_second=self._per_second, room=room)
        self._room = room
        self._leave = 0.0 if in_hurry else room * FOR_PAGES
        self._is_told = False
        self._tells_left = [header for header in limits.told_by if header.endswith("remaining")]
        self._sleep = sleep
        self._timer = timer
        self._next = 0.0  # without Redis

    async def take(self) -> None:
        """Wait until one more call may be sent."""
        while wait := await self._wait():
            await self._sleep(min(wait, LONGEST))

    async def told(self, headers: Mapping[str, str], retry_after: float | None) -> None:
        """Learn from an answer. Others may ask there too, so we may have fewer calls left than we think."""
        left = min((int(headers[each]) for each in self._tells_left if headers.get(each, "").isdecimal()), default=None)
        is_news = left is not None and (left < self._room or not self._is_told)
        if is_news or retry_after:
            with suppress(CacheDown):  # this process keeps silent by itself
                await self._bucket.tell(left=left, silent=retry_after or 0.0)
                self._is_told = True

    async def look(self) -> tuple[float, float]:
        """Give the calls that may be sent at once, and the seconds in which none may. Raises `CacheDown`."""
        return await self._bucket.look()

    async def _wait(self) -> float:
        try:
            return await self._bucket.take(self._leave)
        except CacheDown:
            now = self._timer()
            if now < self._next:
                return self._next - now
            self._next = now + ALONE / self._per_second
            return 0.0


def budget_of(redis: Client, source: str, limits: Limits, *, in_hurry: bool) -> SharedBudget | None:
    """Give a source its budget. None: nobody has said that it has one."""
    if limits.per_minute is None:
        return None
    return SharedBudget(redis, source, limits, per_minute=limits.per_minute, in_hurry=in_hurry)


def room_of(limits: Limits) -> float | None:
    """Say how many calls may be sent at once where none were lately. None: nobody has said that there is a limit."""
    return limits.per_minute / BURST if limits.per_minute is not None else None
