"""The streams of a process that tell open pages of changes: how many there may be, and that all end when it leaves."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from auth.principals import Onlooker, Visiting
from cache.live import Follower

MOST_EACH = 6  # of one person: more than a browser keeps open at once, for it closes those of hidden pages
LEAVING = "hallway.is_leaving"  # in a request's scope: asks whether this process is about to stop
LOOK_EVERY = 0.1  # seconds


class Full(Exception):  # noqa: N818  # says what is the matter
    """No more streams: with this status, to be tried again after so many seconds."""

    def __init__(self, status: int, after: int) -> None:
        super().__init__(f"no more streams ({status})")
        self.status = status
        self.after = after


class Streams:
    """Counts the open streams, as a whole and by person. Each holds a connection that is no longer there for pages."""

    def __init__(self, most: int, most_each: int = MOST_EACH) -> None:
        self._most = most
        self._most_each = most_each
        self._open: set[Follower] = set()
        self._by_person: Counter[str] = Counter()
        self._watch: asyncio.Task[None] | None = None
        self.is_leaving = False

    @property
    def count(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, who: Visiting, follower: Follower, is_leaving: Callable[[], bool] | None) -> Iterator[None]:
        """Hold one of the places inside. Raises `Full`."""
        person = who.staff_id if isinstance(who, Onlooker) else who.member_id
        if self.is_leaving or (is_leaving and is_leaving()) or len(self._open) >= self._most:
            raise Full(503, 5)
        if self._by_person[person] >= self._most_each:
            raise Full(429, 60)
        self._open.add(follower)
        self._by_person[person] += 1
        if is_leaving and self._watch is None:
            self._watch = asyncio.create_task(self._until(is_leaving))
        try:
            yield
        finally:
            self._open.discard(follower)
            self._by_person[person] -= 1
            if not self._by_person[person]:
                del self._by_person[person]
            if not self._open and self._watch:
                self._watch.cancel()
                self._watch = None

    def end(self) -> None:
        """Let all streams end, and no other begin."""
        self.is_leaving = True
        for follower in self._open:
            follower.wake()

    async def _until(self, is_leaving: Callable[[], bool]) -> None:
        while not is_leaving():  # noqa: ASYNC110  # another process says so, by a value that wakes nobody
            await asyncio.sleep(LOOK_EVERY)
        self.end()
