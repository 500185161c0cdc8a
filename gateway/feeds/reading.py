"""Reading a list or a record as a whole, for nobody who waits for it.

No page waits for such a call either: it would wait for all the calls that have to come first.
"""

from auth.clock import Clock
from cache.client import Client
from gateway.kept import Kept
from gateway.pull import Known, Pull, pull


class Reading:
    """Reads anew, and keeps what it has read."""

    def __init__(self, kept: Kept, clock: Clock) -> None:
        self._kept = kept
        self._clock = clock

    async def kept(self, want: Pull) -> Known | None:
        """Give what is known, and ask nobody. Raises `CacheDown`."""
        return (await self._kept.read([want])).known[0]

    async def anew(self, want: Pull, before: Known | None) -> Known:
        """Ask, and put the answer in the place of what was known before. Raises `ConnectorError` and `CacheDown`."""
        return await self._kept.put(want, await pull(want, self._clock()), before)


def reading_of(redis: Client, clock: Clock) -> Reading:
    """Make one that notes nothing for those who look for news."""
    return Reading(Kept(redis), clock)
