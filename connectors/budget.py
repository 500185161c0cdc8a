"""How many calls a back office bears, counted with everybody else of ours who asks it."""

from collections.abc import Mapping
from typing import Protocol


class Budget(Protocol):
    """A source's calls. Whoever keeps it decides who goes first."""

    async def take(self) -> None:
        """Wait until one more call may be sent."""

    async def told(self, headers: Mapping[str, str], retry_after: float | None) -> None:
        """Learn from an answer how many calls are left, or for how many seconds there are to be none."""
