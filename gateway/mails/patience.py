"""Leaving a mail server that is away alone for a while: the longer, the more often it was. Mails wait meanwhile."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from auth.clock import Clock
from gateway.mails.post import Away

log = structlog.get_logger()


class Patience:
    """With one mail server. `pauses` are seconds: after it was away once, twice in a row and so on."""

    def __init__(self, clock: Clock, pauses: Sequence[int]) -> None:
        self._clock = clock
        self._pauses = pauses
        self._failures = 0
        self._quiet_until: datetime | None = None

    def waits(self, now: datetime) -> bool:
        return self._quiet_until is not None and now < self._quiet_until

    def is_there(self) -> None:
        if self._failures:
            log.info("mail server is back")
        self._failures, self._quiet_until = 0, None

    def is_away(self, error: Away) -> None:
        """Leave the server alone for a while. It is no fault of the mails."""
        if not self._failures:
            log.warning("mail server away", error=str(error))
        seconds = self._pauses[min(self._failures, len(self._pauses) - 1)]
        self._failures += 1
        self._quiet_until = self._clock() + timedelta(seconds=seconds)
