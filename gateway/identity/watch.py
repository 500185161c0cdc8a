"""Rechecking while the portal is served: by one process at a time, however many there are."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from auth.clock import Clock
from gateway.audit import AuditError
from gateway.identity.rechecking import Rechecks
from gateway.leases import end_lease, take_lease
from gateway.records.database import Database
from gateway.records.lines import By
from gateway.rounds import Rounds

LEASE = "recheck"
LASTS = timedelta(minutes=10)  # a process that died is succeeded after it
LOOK_EVERY = 30.0  # seconds
SERVICE = By("service/recheck", "service")

log = structlog.get_logger()


class Watch:
    """Rechecks people from `start` to `aclose`. `forget` drops the copies of who the sessions are."""

    def __init__(
        self,
        db: Database,
        rechecks: Rechecks,
        clock: Clock,
        forget: Callable[[Sequence[bytes]], Awaitable[None]],
        *,
        every: timedelta,
    ) -> None:
        self._db = db
        self._rechecks = rechecks
        self._clock = clock
        self._forget = forget
        self._every = every
        self._rounds = Rounds("recheck", self._turn, every=LOOK_EVERY, delay=LOOK_EVERY)

    async def start(self) -> None:
        if self._every:
            await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.stop()  # each person is a transaction of its own

    async def look(self) -> bool:
        """Recheck if it is due. False: it is not, or another process does it. Raises `DatabaseDown`."""
        token = await take_lease(self._db, LEASE, self._clock(), every=self._every, lasts=LASTS)
        if token is None:
            return False
        done = await self._rechecks.run(SERVICE, older_than=self._every / 2)
        await self._forget(done.sessions)
        await end_lease(self._db, LEASE, token, self._clock())
        if done.lost or done.silent:
            log.warning("people rechecked", asked=done.asked, lost=len(done.lost), silent=list(done.silent))
        return True

    async def _turn(self) -> None:
        try:
            await self.look()
        except AuditError as error:
            log.warning("not rechecked", reason=str(error))
