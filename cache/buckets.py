"""Token buckets that all processes share. One that is not there is empty, never full."""

from datetime import timedelta
from typing import Final

from cache.client import Client
from cache.keys import LIFETIMES, key

# What there is now, with what came since it was written. KEYS: the bucket. ARGV: tokens a second, room.
FILLED: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, at, silent = unpack(redis.call('HMGET', KEYS[1], 'tokens', 'at', 'silent'))
tokens, at, silent = tonumber(tokens) or 0, tonumber(at) or now, tonumber(silent) or 0
tokens = math.min(tonumber(ARGV[2]), tokens + math.max(now - at, 0) * ARGV[1] / 1000)"""
# KEYS: the bucket. ARGV: tokens a second, room, what is to be left, its life in milliseconds.
# Gives the milliseconds to wait: 0 for a token that was taken.
TAKE: Final = (
    FILLED
    + """
local wait = math.max(silent - now, 0)
if wait == 0 then
    local missing = ARGV[3] + 1 - tokens
    if missing <= 0 then tokens = tokens - 1 else wait = math.ceil(missing * 1000 / ARGV[1]) end
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return wait
"""
)
# KEYS: the bucket. ARGV: the tokens that are left, or '', milliseconds in which there are to be none, its life, room.
# The first time that we are told what is left, it counts; later on only where it is less than we know of.
TELL: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, silent, told = unpack(redis.call('HMGET', KEYS[1], 'tokens', 'silent', 'told'))
if ARGV[1] ~= '' and (not told or (tonumber(tokens) or 0) > tonumber(ARGV[1])) then
    redis.call('HSET', KEYS[1], 'tokens', math.min(ARGV[1], ARGV[4]), 'at', now, 'told', 1)
end
if tonumber(ARGV[2]) > 0 and now + ARGV[2] > (tonumber(silent) or 0) then
    redis.call('HSET', KEYS[1], 'silent', now + ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""
# KEYS: the bucket. ARGV: tokens a second, room. Gives the tokens, as text, and the milliseconds of silence.
LOOK: Final = (
    FILLED
    + """
return {tostring(tokens), math.max(silent - now, 0)}
"""
)
MILLISECOND = timedelta(milliseconds=1)


class Bucket:
    """One bucket. Every method raises `CacheDown` when Redis is away."""

    def __init__(self, redis: Client, name: str, *, per_second: float, room: float) -> None:
        self._redis = redis
        self._key = key("bucket", name)
        self._per_second = per_second
        self._room = room

    async def take(self, leave: float = 0.0) -> float:
        """Take a token, if more than `leave` would be left. Gives the seconds after which to ask again, 0 if taken."""
        life = LIFETIMES["bucket"] // MILLISECOND
        wait: int = await self._redis.run(TAKE, [self._key], [self._per_second, self._room, leave, life])
        return wait / 1000

    async def look(self) -> tuple[float, float]:
        """Give the tokens that there are, and the seconds in which none may be taken all the same."""
        tokens, silent = await self._redis.run(LOOK, [self._key], [self._per_second, self._room])
        return float(tokens), silent / 1000

    async def tell(self, *, left: int | None = None, silent: float = 0.0) -> None:
        """Say what is left, or that there are to be none for some seconds."""
        life = LIFETIMES["bucket"] // MILLISECOND
        told = "" if left is None else left
        await self._redis.run(TELL, [self._key], [told, int(silent * 1000), life, self._room])
