"""Who fetches a value: one process at a time, and nobody for a moment after it failed."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Literal

from cache.client import Client
from cache.keys import LIFETIMES, turn_of

FAILED_FOR = 5.0  # seconds
FAILED = b"failed"  # instead of a holder
Verdict = Literal["mine", "busy", "failed", "newer"]

# KEYS: the turn, the snapshot. ARGV: our name, milliseconds, the stamp of the newest snapshot that we know.
TAKE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then return 'mine' end
if holder then return holder == 'failed' and 'failed' or 'busy' end
local stored = tonumber(redis.pcall('GETRANGE', KEYS[2], 0, 15))
if stored and stored > tonumber(ARGV[3]) then return 'newer' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'mine'
"""
# KEYS: the turn. ARGV: our name, milliseconds for which a failure is remembered, 0 for none.
END: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], 'failed', 'PX', ARGV[2])
return 1
"""


class Turns:
    """Turns in Redis, and what failed in this process in memory: a failure is remembered without Redis too."""

    def __init__(self, redis: Client, timer: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._timer = timer
        self._failed: dict[str, float] = {}  # until when

    def failed_lately(self, key: str) -> bool:
        """Whether the value was not to be had a moment ago. Knows of this process alone, and asks nobody."""
        return self._failed.get(key, 0.0) > self._timer()

    @property
    def reachable(self) -> bool:
        return self._redis.reachable

    async def take(self, key: str, name: str, newest: int) -> Verdict:
        """Ask to fetch the value under `key`. `newest` is the stamp of the snapshot that we know. Raises `CacheDown`.

        A turn ends by itself when its holder dies. "newer": somebody has just stored what we want. To ask again under
        the same name does no harm.
        """
        milliseconds = LIFETIMES["turn"] // timedelta(milliseconds=1)
        verdict: bytes = await self._redis.run(TAKE, [turn_of(key), key], [name, milliseconds, newest])
        return verdict.decode()  # type: ignore[return-value]  # the script has no other

    async def is_taken(self, key: str) -> bool:
        """Whether somebody is fetching the value under `key`. Raises `CacheDown`."""
        (holder,) = await self._redis.look_up(turn_of(key))
        return holder not in (None, FAILED)

    async def end(self, key: str, name: str, *, failed: bool) -> None:
        """Give the turn back. Raises `CacheDown`, after a failure was noted here."""
        if failed:
            self._note(key)
        else:
            self._failed.pop(key, None)
        await self._redis.run(END, [turn_of(key)], [name, int(FAILED_FOR * 1000) if failed else 0])

    def _note(self, key: str) -> None:
        now = self._timer()
        self._failed = {known: until for known, until in self._failed.items() if until > now}
        self._failed[key] = now + FAILED_FOR
