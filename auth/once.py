"""What may be used only once, remembered in Redis for all processes and here for when Redis is away."""

import time
from collections.abc import Callable

from cache.client import CacheDown, Client
from cache.keys import LIFETIMES, key


class Once:
    """Remembers what was used, for longer than it is valid."""

    def __init__(self, redis: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._used: dict[str, float] = {}  # -> when it may be forgotten; oldest first

    async def first_use(self, what: str) -> bool:
        """Whether nobody used it before. Asking is using."""
        if not self._first_here(what):
            return False
        try:
            return bool(await self._redis.set(key("used", what), b"", ex=LIFETIMES["used"], nx=True))
        except CacheDown:
            return True

    def _first_here(self, what: str) -> bool:
        now = self._clock()
        while self._used and next(iter(self._used.values())) <= now:
            del self._used[next(iter(self._used))]
        if what in self._used:
            return False
        self._used[what] = now + LIFETIMES["used"].total_seconds()
        return True
