"""How far something was followed: a value that only whoever has the latest turn may move."""

from datetime import timedelta
from typing import Final

from cache.client import Client
from cache.keys import LIFETIMES

# A stored value is this many digits of the turn's number, and then the caller's bytes.
DIGITS: Final = 16
# KEYS: the mark. ARGV: the digits, the value, milliseconds.
PUT: Final = """
local turn = tonumber(redis.pcall('GETRANGE', KEYS[1], 0, 15))
if turn and turn > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
"""


class Marks:
    """Marks in Redis, beside what they vouch for. Every method raises `CacheDown` when Redis is away."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def get(self, key: str) -> bytes | None:
        (value,) = await self._redis.look_up(key)
        return value_of(value)

    async def put(self, key: str, turn: int, value: bytes) -> bool:
        """Move the mark. False: somebody with a later turn has moved it."""
        kept_for = LIFETIMES["mark"] // timedelta(milliseconds=1)
        return bool(await self._redis.run(PUT, [key], [b"%016d" % turn, value, kept_for]))

    async def drop(self, key: str) -> None:
        """Forget the mark: whatever it vouched for is vouched for no more."""
        await self._redis.unlink(key)


def value_of(stored: bytes | None) -> bytes | None:
    """Take the caller's bytes out of what is stored."""
    return stored[DIGITS:] if stored else None
