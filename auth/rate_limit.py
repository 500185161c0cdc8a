"""How often somebody may try. Counted in Redis for all processes, and here while Redis is away."""

import time
from collections.abc import Callable

from cache.client import CacheDown, Client
from cache.keys import LIFETIMES, key

WINDOW = int(LIFETIMES["rate"].total_seconds())
MANY = 10_000  # windows kept here at the most

# One step for Redis, so that no counter can be left without an end.
COUNT = """
local tries = redis.call('INCR', KEYS[1])
if tries == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return tries
"""


class RateLimit:
    """Lets each caller try `limit` times a minute. `name` keeps the counters of two limits apart."""

    def __init__(self, redis: Client, name: str, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._name = name
        self._limit = limit
        self._clock = clock
        self._here: dict[str, tuple[float, int]] = {}  # -> end of the window, tries; oldest first

    async def allows(self, who: str) -> bool:
        """Count a try and say whether it is one too many."""
        try:
            tries = await self._redis.eval(COUNT, 1, key("rate", who, self._name), WINDOW)
        except CacheDown:
            tries = self._count_here(who)
        return int(tries) <= self._limit

    def _count_here(self, who: str) -> int:
        now = self._clock()
        ends, tries = self._here.get(who, (0.0, 0))
        if ends <= now:
            self._here.pop(who, None)
            ends, tries = now + WINDOW, 0
        self._here[who] = (ends, tries + 1)
        if len(self._here) > MANY:
            del self._here[next(iter(self._here))]
        return tries + 1
