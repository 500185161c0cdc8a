"""What was seen lately, and when last: the latest few thousand things, for a while."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cache.client import Client
from cache.keys import LIFETIMES, key

MOST: Final = 5000
# KEYS: the set. ARGV: until when it is forgotten, the time of seeing, how many at most, milliseconds, then the things.
SEE: Final = """
for place = 5, #ARGV do redis.call('ZADD', KEYS[1], ARGV[2], ARGV[place]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[3]))
return redis.call('PEXPIRE', KEYS[1], ARGV[4])
"""


class Sightings:
    """One such list. Every method raises `CacheDown` when Redis is away."""

    def __init__(self, redis: Client, name: str) -> None:
        self._redis = redis
        self._key = key("seen", name)

    async def see(self, things: Sequence[bytes], at: datetime) -> None:
        if things:
            kept_for = LIFETIMES["seen"]
            times = ((at - kept_for).timestamp(), at.timestamp())
            limits = (MOST, kept_for // timedelta(milliseconds=1))
            await self._redis.run(SEE, [self._key], [*(str(each) for each in (*times, *limits)), *things[-MOST:]])

    async def latest(self) -> list[tuple[bytes, datetime]]:
        """Give what was seen, what was seen last at the end."""
        found: Any = await self._redis.zrange(self._key, 0, -1, withscores=True)
        return [(thing, datetime.fromtimestamp(seconds, UTC)) for thing, seconds in found]
