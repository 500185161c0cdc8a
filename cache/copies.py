"""Copies of database rows in Redis, believed for ten seconds. The rows are the truth.

What keeps an ended one out, a session that was signed out above all:
- a copy tells when its row was read, so one that is stored late is old from the start;
- an end leaves a mark in the copy's place, and a copy is only ever stored where nothing is;
- after any trouble with Redis this process goes by the rows until the copies of that time have expired.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Generic, Literal, TypeVar

import msgspec
import structlog
from msgspec import Struct

from cache.client import CacheDown, Client
from cache.keys import LIFETIMES, key

MARK = b"ended"
DECODED = 512  # copies that stay decoded; whether one is still believed is judged each time
MARK_LIFETIME = timedelta(minutes=1)  # longer than a copy can be on its way

T = TypeVar("T")

log = structlog.get_logger()


class Copy(Struct, Generic[T], frozen=True):
    """What Redis holds: whose row it was, what it said, and when it was read."""

    name: str
    value: T
    read_at: datetime


class Copies(Generic[T]):
    """Never says that there is no row: None only means that the row has to be asked. Redis may be away."""

    def __init__(
        self,
        redis: Client,
        family: Literal["session", "visit"],
        value: type[T],
        clock: Callable[[], datetime],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._family = family
        self._lifetime = LIFETIMES[family]
        decoder: msgspec.json.Decoder[Copy[T]] = msgspec.json.Decoder(Copy[value])  # type: ignore[valid-type]
        # Somebody who looks at several pages within a lifetime comes with the same bytes each time.
        self._decode: Callable[[bytes], Copy[T]] = lru_cache(maxsize=DECODED)(decoder.decode)
        self._clock = clock
        self._timer = timer
        self._in_doubt_until = timer()

    def key(self, name: str) -> str:
        return key(self._family, name)

    async def get(self, name: str) -> T | None:
        if self._timer() < self._in_doubt_until:
            return None
        try:
            (value,) = await self._redis.look_up(self.key(name))
        except CacheDown:
            self.doubt()
            return None
        return self.believe(name, value)

    async def put(self, name: str, value: T, read_at: datetime) -> None:
        if self._timer() < self._in_doubt_until:
            return
        try:
            copy = msgspec.json.encode(Copy(name, value, read_at))
            await self._redis.set(self.key(name), copy, ex=self._lifetime, nx=True)
        except CacheDown:
            self.doubt()

    async def mark_ended(self, name: str) -> None:
        """Make copies useless, and announce it. Call it after the row has ended."""
        try:
            await self._redis.set(self.key(name), MARK, ex=MARK_LIFETIME)
            await self._redis.publish(self.key(name), MARK)
        except CacheDown:
            self.doubt()

    def doubt(self) -> None:
        """Go by the rows for a while, after trouble with Redis."""
        self._in_doubt_until = self._timer() + self._lifetime.total_seconds()

    def believe(self, name: str, value: bytes | None) -> T | None:
        """Judge what Redis held under `key(name)`."""
        if value is None or value == MARK or self._timer() < self._in_doubt_until:
            return None
        try:
            copy = self._decode(value)
        except (msgspec.MsgspecError, RecursionError):
            log.warning("unreadable copy", family=self._family)
            return None
        if copy.name != name:
            log.error("copy of another row", family=self._family)
            return None
        age = self._clock() - copy.read_at
        return copy.value if timedelta(0) <= age < self._lifetime else None
