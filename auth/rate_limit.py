"""How often somebody may try. Counted in Redis for all processes, and here while Redis is away."""

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from cache.client import CacheDown, Client
from cache.keys import VERSION

WINDOW = 60  # seconds
MANY = 10_000  # counters kept here at the most


class RateLimit:
    """Lets each caller try `limit` times in any `minutes`. `name` keeps the counters of two limits apart."""

    def __init__(self, redis: Client, name: str, limit: int, *, minutes: int = 1) -> None:
        self._redis = redis
        self._item = RateLimitItemPerMinute(limit, minutes, namespace=name)
        shared = RedisStorage(
            "async+redis://",  # the pool knows the address
            implementation="redispy",
            key_prefix=f"{VERSION}:rate",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # is passed on to redis-py
        )
        self._counters = MemoryStorage()
        self._everywhere = SlidingWindowCounterRateLimiter(shared)
        self._here = SlidingWindowCounterRateLimiter(self._counters)

    async def allows(self, who: str) -> bool:
        """Count a try and say whether it is one too many."""
        try:
            async with self._redis.asking():
                return await self._everywhere.hit(self._item, who)
        except CacheDown:
            if len(self._counters.storage) > MANY:
                await self._counters.reset()
            return await self._here.hit(self._item, who)

    async def is_open(self, who: str) -> bool:
        """Say whether one more try would be allowed, and count none."""
        try:
            async with self._redis.asking():
                return await self._everywhere.test(self._item, who)
        except CacheDown:
            return await self._here.test(self._item, who)
