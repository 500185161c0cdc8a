"""Mails of other kinds than news: they go out over the same line, after what is news and within the same rate."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.mails.post import Line


class Other(Protocol):
    """Mails of one kind."""

    async def is_due(self, now: datetime) -> bool: ...

    async def one(self, line: Line) -> bool:
        """Send one. False: none is due. Raises `Away`."""


class Others:
    """All kinds, the first ones first."""

    def __init__(self, *kinds: Other) -> None:
        self._kinds: Sequence[Other] = kinds

    async def is_due(self, now: datetime) -> bool:
        for kind in self._kinds:
            if await kind.is_due(now):
                return True
        return False

    async def one(self, line: Line) -> bool:
        """Send one mail of any kind. False: none is due. Raises `Away`."""
        for kind in self._kinds:
            if await kind.one(line):
                return True
        return False


NONE = Others()
