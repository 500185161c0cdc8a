"""What changes, told to whoever in this process follows it: one connection to Redis for all, and nothing piles up.

Redis forgets an announcement in the moment it is made. So whoever follows is told, at the begin and whenever nobody
may have listened for a while, to look for themselves.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cache.client import PAUSE, CacheDown, Client
from cache.ear import Ear


class Follower:
    """Keeps the latest of each channel until it is asked for. Make one by `Live.following`."""

    def __init__(self) -> None:
        self._news: dict[str, bytes | None] = {}
        self._bell = asyncio.Event()

    def tell(self, channel: str, message: bytes | None) -> None:
        self._news[channel] = message
        self._bell.set()

    def wake(self) -> None:
        """Let `wait` return without news."""
        self._bell.set()

    async def wait(self, until: float) -> dict[str, bytes | None]:
        """Give the latest message of each channel that has one, or nothing at `until` on the event loop's clock.

        None instead of a message: some may have been missed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._bell.wait()
        self._bell.clear()
        news, self._news = self._news, {}
        return news


class Live:
    """Listens from the first follower until `aclose`. Without Redis nobody is told anything, and nobody waits."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self._followers: dict[str, set[Follower]] = {}
        self._sure: set[str] = set()  # the channels of which no message is missed
        self._ear: Ear | None = None
        self._listening: asyncio.Task[None] | None = None

    @contextmanager
    def following(self, *channels: str) -> Iterator[Follower]:
        """Follow channels inside."""
        follower = Follower()
        self._join(follower, channels)
        try:
            yield follower
        finally:
            self._part(follower, channels)

    async def aclose(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    def _join(self, follower: Follower, channels: tuple[str, ...]) -> None:
        new = [channel for channel in channels if channel not in self._followers]
        for channel in channels:
            self._followers.setdefault(channel, set()).add(follower)
            if channel in self._sure:
                follower.tell(channel, None)
        if self._ear:
            self._ear.follow(new)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    def _part(self, follower: Follower, channels: tuple[str, ...]) -> None:
        for channel in channels:
            self._followers[channel].discard(follower)
        gone = [channel for channel in channels if not self._followers[channel]]
        for channel in gone:
            del self._followers[channel]
            self._sure.discard(channel)
        if self._ear:
            self._ear.leave(gone)

    async def _listen(self) -> None:
        while True:
            try:
                ear = await self._redis.listen(self._hear)
            except CacheDown:
                await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311  # so that processes do not ask at once
                continue
            self._ear = ear
            ear.follow(self._followers)
            try:
                await ear.until_lost()
            finally:
                ear.end()
                self._ear = None
                self._sure.clear()

    def _hear(self, channel: str, message: bytes | None) -> None:
        followers = self._followers.get(channel, ())
        if message is None and followers:
            self._sure.add(channel)
        for follower in followers:
            follower.tell(channel, message)
