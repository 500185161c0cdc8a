"""Copies of session rows in Redis, believed for ten seconds. The rows in SQL are the truth.

What keeps a signed-out session out:
- a copy tells when its row was read, so one that is stored late is old from the start;
- signing out leaves a mark in the copy's place, and a copy is only ever stored where nothing is;
- after any trouble with Redis this process goes by the rows until the copies of that time have expired.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec import Struct

from auth.clock import Clock
from cache.client import CacheDown, Client
from cache.keys import LIFETIMES, key

LIFETIME = LIFETIMES["session"]
MARK = b"ended"
MARK_LIFETIME = timedelta(minutes=1)  # longer than a copy can be on its way

log = structlog.get_logger()


class Session(Struct, frozen=True, kw_only=True):
    """A session as its row says. `id_hash` names it; the id itself is known to the browser alone."""

    id_hash: bytes
    kind: str
    member_id: str | None
    staff_id: str | None
    provider: str
    account_id: str | None
    csrf_token: str
    seen_at: datetime
    expires_at: datetime


class Copy(Struct, frozen=True):
    """What Redis holds."""

    session: Session
    read_at: datetime  # when the row was read


class SessionCopies:
    """Never says that there is no session: None only means that the row has to be asked. Redis may be away."""

    def __init__(self, redis: Client, clock: Clock, timer: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._timer = timer
        self._in_doubt_until = timer()

    async def get(self, id_hash: bytes) -> Session | None:
        if self._timer() < self._in_doubt_until:
            return None
        try:
            value = await self._redis.get(_key(id_hash))
        except CacheDown:
            self._doubt()
            return None
        return self._believed(value, id_hash) if isinstance(value, bytes) and value != MARK else None

    async def put(self, session: Session, read_at: datetime) -> None:
        if self._timer() < self._in_doubt_until:
            return
        value = msgspec.json.encode(Copy(session, read_at))
        try:
            await self._redis.set(_key(session.id_hash), value, ex=LIFETIME, nx=True)
        except CacheDown:
            self._doubt()

    async def mark_ended(self, id_hash: bytes) -> None:
        """Make copies useless. Call it after the row has ended."""
        try:
            await self._redis.set(_key(id_hash), MARK, ex=MARK_LIFETIME)
        except CacheDown:
            self._doubt()

    def _doubt(self) -> None:
        self._in_doubt_until = self._timer() + LIFETIME.total_seconds()

    def _believed(self, value: bytes, id_hash: bytes) -> Session | None:
        try:
            copy = msgspec.json.decode(value, type=Copy)
        except (msgspec.MsgspecError, RecursionError):
            log.warning("unreadable copy of a session")
            return None
        if copy.session.id_hash != id_hash:
            log.error("copy of another session")
            return None
        age = self._clock() - copy.read_at
        return copy.session if timedelta(0) <= age < LIFETIME else None


def _key(id_hash: bytes) -> str:
    return key("session", id_hash.hex())
