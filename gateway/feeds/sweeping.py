"""Reading all lists as a whole: once at first, so that no page begins empty, and then in turn, to see that they agree.

What a feed does not tell, and what we may have got wrong, shows here and is put right.
"""

import asyncio
from collections import Counter
from datetime import timedelta

import structlog

from auth.clock import Clock
from cache.client import CacheDown
from connectors.errors import ConnectorError, NotFound
from connectors.records import Kind
from gateway.access import LinkRef
from gateway.feeds.agreement import compare
from gateway.feeds.comparing import Comparing
from gateway.feeds.reading import Reading
from gateway.feeds.sweeps import Sweep, Sweeps
from gateway.leases import end_lease, keep_lease, take_lease
from gateway.offices import Office, Offices
from gateway.pull import Pull
from gateway.records.database import Database

LASTS = timedelta(minutes=2)
PATIENCE = 60.0  # seconds for which a turn goes on
PART = 20  # links that are read before we note how far we are

log = structlog.get_logger()


class Sweeping:
    """Sweeps over all links of a source, every `every`: each list is read as a whole and compared with what was kept.

    A list that cannot be read leaves what is kept as it is. Then each account's sources are compared with each other.
    """

    def __init__(
        self, db: Database, offices: Offices, reading: Reading, comparing: Comparing, clock: Clock, *, every: timedelta
    ) -> None:
        self._db = db
        self._offices = offices
        self._reading = reading
        self._comparing = comparing
        self._sweeps = Sweeps(db)
        self._clock = clock
        self._every = every

    async def sweep(self, source: str) -> bool:
        """Go on with a source for a while. False: it is not due, or another process does it. Raises `DatabaseDown`."""
        office = await self._offices.get(source)
        if office is None or not office.is_asked:
            return False
        name = f"sweep/{source}"
        turn = await take_lease(self._db, name, self._clock(), every=timedelta(0), lasts=LASTS)
        if turn is None:
            return False
        loop, done = asyncio.get_running_loop(), False
        until = loop.time() + PATIENCE
        try:
            while loop.time() < until and await self._part(office):
                done = True
                if not await keep_lease(self._db, name, turn, self._clock() + LASTS):
                    return True
        except (CacheDown, ConnectorError) as error:
            log.warning("sweep stopped", source=source, error=type(error).__name__)
        await end_lease(self._db, name, turn, self._clock())
        return done

    async def _part(self, office: Office) -> bool:
        """Read some links, and note how far we are. False: there was nothing to do."""
        sweep = await self._sweeps.go_on(office, self._clock(), every=self._every)
        if sweep is None:
            return False
        links = await self._sweeps.links_after(office, sweep.place, most=PART)
        if not links:
            await self._sweeps.end(office, self._clock())
            log.info("swept", source=office.name, links=sweep.done, compared=sweep.compared)
            return False
        gate = asyncio.Semaphore(max(office.connector.limits.concurrent // 2, 1))  # views go first

        async def look(account: str, link: LinkRef, kind: Kind) -> Counter[str]:
            async with gate:
                return await self._look(Pull(account=account, customer=link.customer, kind=kind, office=office))

        reads = [look(account, link, kind) for account, link in links for kind in office.connector.reads]
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
        failed = [each for each in outcomes if isinstance(each, BaseException)]
        for error in failed:
            if len(failed) == len(outcomes) or not isinstance(error, ConnectorError):
                raise error  # it is the source, Redis, or a bug of ours, and not one customer
        compared = sum((each for each in outcomes if isinstance(each, Counter)), Counter(unread=len(failed)))
        await self._sweeps.came_to(office, sweep, Sweep.place_of(*links[-1]), len(links), compared)
        await self._comparing.look(account for account, _ in links)
        return True

    async def _look(self, want: Pull) -> Counter[str]:
        """Read one list. Gives how many records it has, how many of them agreed and how many did not, by kind."""
        kept = await self._reading.kept(want)
        try:
            whole = await self._reading.anew(want, kept)
        except NotFound:
            return Counter()
        agreed, differing = compare(kept, whole) if kept else (0, [])
        if differing:
            log.error("kept records differed", source=want.source, kind=want.kind, ids=differing)
        found = {"read": len(whole.records), "agreed": agreed, "differing": len(differing)}
        return Counter({f"{want.kind}:{what}": many for what, many in found.items()})
