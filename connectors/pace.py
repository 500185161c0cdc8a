"""How often a struggling back office may be asked again."""

from connectors.errors import ConnectorError

_FULL = 10.0  # tokens: a failure costs one, a success earns a tenth, and below half of them nothing is repeated


class Pace:
    """What one client remembers of one back office. Times are seconds on the event loop's clock.

    Retries stop while most calls fail, so a dead back office is asked hardly more often than by a client that
    never repeats. After a Retry-After nothing at all is sent until the time has come.
    """

    def __init__(self) -> None:
        self._tokens = _FULL
        self._silent_until = 0.0

    def succeeded(self) -> None:
        self._tokens = min(self._tokens + 0.1, _FULL)

    def failed(self, error: ConnectorError, now: float) -> None:
        if error.retry:
            self._tokens = max(self._tokens - 1, 0.0)
        if error.retry_after is not None:
            self._silent_until = max(self._silent_until, now + error.retry_after)

    @property
    def may_repeat(self) -> bool:
        return self._tokens > _FULL / 2

    def silence(self, now: float) -> float:
        """Say how many seconds we still have to keep quiet."""
        return max(self._silent_until - now, 0.0)
