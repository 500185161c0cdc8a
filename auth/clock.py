"""The time, handed in so that tests can say what it is."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]  # aware and in UTC


def utc_now() -> datetime:
    return datetime.now(UTC)
