"""What has changed and is to be looked at. It is noted in the same moment, and stays so until somebody has looked."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from cache.client import Client
from cache.keys import key

NOTES: Final = key("noted", "")

# Takes notes away that nobody has made again meanwhile. KEYS: the notes. ARGV: of each, itself and its time.
DONE: Final = """
for n = 1, #ARGV, 2 do
    if redis.call('ZSCORE', KEYS[1], ARGV[n]) == ARGV[n + 1] then redis.call('ZREM', KEYS[1], ARGV[n]) end
end
"""


class Noted:
    """Notes in Redis, each with the time from which on to look, in microseconds. Methods raise `CacheDown`."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def due(self, most: int) -> dict[str, bytes]:
        """Give what is to be looked at now, the longest noted first, each with its time as `done` wants it."""
        flat: Sequence[bytes] = await self._redis.execute_command(
            "ZRANGE", NOTES, "-inf", score(), "BYSCORE", "LIMIT", 0, most, "WITHSCORES"
        )
        return {note.decode(): at for note, at in zip(flat[::2], flat[1::2], strict=True)}

    async def done(self, looked_at: Mapping[str, bytes]) -> None:
        """Take notes away, but for those that were made anew."""
        if looked_at:
            await self._redis.run(DONE, (NOTES,), [part for note in looked_at.items() for part in note])

    async def note(self, note: str, *, after: float = 0.0) -> None:
        """Note something, to be looked at in some seconds. What changes meanwhile is looked at at once."""
        await self._redis.execute_command("ZADD", NOTES, score(after), note)


def score(after: float = 0.0) -> int:
    return time.time_ns() // 1000 + int(after * 1_000_000)
