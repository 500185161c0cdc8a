"""What was fetched, for whom and when. The payload is the caller's: opaque bytes here."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta, Struct

from cache.client import Client
from cache.keys import LIFETIMES, key

log = structlog.get_logger()


class Snapshot(Struct, frozen=True, kw_only=True, array_like=True):
    """A value with its owner inside, so that a mixed-up key or reply is seen and not believed."""

    owner: str
    fetched_at: Annotated[datetime, Meta(tz=True)]
    payload: bytes


# A stored value is this many digits of microseconds, for the script to compare, and then the msgpack.
DIGITS: Final = 16
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Keeps the newer of two values, whichever is written last, and gives its owner a new version in the same moment, which
# it announces under the version's name.
# `pcall`: a key of another type counts as nothing.
# KEYS: the snapshot, the version. ARGV: the value, its milliseconds, the new version, its milliseconds.
PUT: Final = """
local stored = tonumber(redis.pcall('GETRANGE', KEYS[1], 0, 15))
if stored and stored > tonumber(string.sub(ARGV[1], 1, 16)) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('PUBLISH', KEYS[2], ARGV[3])
return 1
"""

_decoder = msgspec.msgpack.Decoder(Snapshot)


class Snapshots:
    """Snapshots in Redis. Every method raises `CacheDown` when Redis is away."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def get_many(self, owner: str, keys: Sequence[str]) -> list[Snapshot | None]:
        """Read in one round trip, in the order of `keys`. What cannot be read, or is not the owner's, is None."""
        return (await self.get_versioned(owner, keys))[1]

    async def get_versioned(self, owner: str, keys: Sequence[str]) -> tuple[bytes | None, list[Snapshot | None]]:
        """Read snapshots as `get_many` does and, of the same moment, the version of their owner."""
        version, *values = await self._redis.look_up(version_of(owner), *keys)
        found = [_read(owner, value) for value in values]
        unusable = [
            key
            for key, value, snapshot in zip(keys, values, found, strict=True)
            if value is not None and snapshot is None
        ]
        if unusable:
            await self._redis.unlink(*unusable)
        return version, found

    async def put(self, key: str, snapshot: Snapshot, ttl: timedelta) -> bool:
        """Store, unless something newer is there already: then False."""
        keys = (key, version_of(snapshot.owner))
        version, kept_for = _new_version(), LIFETIMES["version"] // MILLISECOND
        return bool(await self._redis.eval(PUT, 2, *keys, _write(snapshot), ttl // MILLISECOND, version, kept_for))


def version_of(owner: str) -> str:
    """Name the value that changes whenever a snapshot of the owner does."""
    return key("version", owner)


def stamp(at: datetime) -> int:
    """Say when, in microseconds: what two snapshots of one key are compared by."""
    return (at - EPOCH) // timedelta(microseconds=1)


def _new_version() -> str:
    """Never the same twice, not even after a restart from an older file: a counter would begin again."""
    return f"{time.time_ns():x}-{secrets.token_hex(4)}"


def _write(snapshot: Snapshot) -> bytes:
    return _stamp(snapshot) + msgspec.msgpack.encode(snapshot)


def _stamp(snapshot: Snapshot) -> bytes:
    return b"%016d" % stamp(snapshot.fetched_at)


def _decode(value: bytes) -> Snapshot:
    snapshot = _decoder.decode(value[DIGITS:])
    if value[:DIGITS] != _stamp(snapshot):
        raise ValueError("two times for one snapshot")
    return snapshot


def _read(owner: str, value: object) -> Snapshot | None:
    if not isinstance(value, bytes):
        return None
    try:
        snapshot = _decode(value)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        log.warning("unreadable snapshot dropped", owner=owner, error=type(error).__name__)
        return None
    if snapshot.owner != owner:
        log.error("foreign snapshot dropped", owner=owner)  # the key may hold a customer's e-mail address
        return None
    return snapshot
