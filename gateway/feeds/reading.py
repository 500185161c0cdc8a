"""Reading a list or a record as a whole, for nobody who waits for it.

No page waits for such a call either: it would wait for all the calls that have to come first.
"""

from auth.clock import Clock
from cache.client import Client
from connectors.errors import ConnectorError
from gateway.kept import Kept
from gateway.pull import Known, Pull, pull
from gateway.troubles import Troubles


class Reading:
    """Reads anew, and keeps what it has read. `troubles` hears how it went."""

    def __init__(self, kept: Kept, clock: Clock, troubles: Troubles | None = None) -> None:
        self._kept = kept
        self._clock = clock
        self._troubles = troubles

    async def kept(self, want: Pull) -> Known | None:
        """Give what is known, and ask nobody. Raises `CacheDown`."""
        return (await self._kept.read([want])).known[0]

    async def anew(self, want: Pull, before: Known | None) -> Known:
        """Ask, and put the answer in the place of what was known before. Raises `ConnectorError` and `CacheDown`."""
        try:
            known = await pull(want, self._clock())
        except ConnectorError as error:
            if self._troubles and want.office.is_asked:
                self._troubles.failed(want.source, want.kind, error)
            raise
        if self._troubles:
            self._troubles.answered(want.source, want.kind)
        return await self._kept.put(want, known, before)


def reading_of(redis: Client, clock: Clock) -> Reading:
    """Make one that notes nothing for those who look for news."""
    return Reading(Kept(redis), clock)
