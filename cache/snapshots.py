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
from cache.noted import NOTES, score

log = structlog.get_logger()


class Snapshot(Struct, frozen=True, kw_only=True, array_like=True):
    """A value with its owner inside, so that a mixed-up key or reply is seen and not believed."""

    owner: str
    fetched_at: Annotated[datetime, Meta(tz=True)]
    payload: bytes


# A stored value is this many digits of microseconds, a revision, and then the msgpack.
DIGITS: Final = 16
HEAD: Final = DIGITS + 16
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Stores a value if what is there is still what its writer has read, tells whoever listens, and gives the owner a new
# version in the same moment, and notes what has changed. `pcall`: a key of another type counts as nothing.
# KEYS: the snapshot, the version, and the notes if it is to be noted. ARGV: the head of what was read, the value, its
# milliseconds, 0 for those that it has left, the new version, its milliseconds, the note, its time, their milliseconds.
PUT: Final = """
local head = redis.pcall('GETRANGE', KEYS[1], 0, 31)
if type(head) ~= 'string' then head = '' end
if head ~= ARGV[1] then
    return 0
end
if ARGV[3] == '0' then
    redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
redis.call('PUBLISH', KEYS[2], ARGV[4])
if KEYS[3] then
    redis.call('ZADD', KEYS[3], ARGV[7], ARGV[6])
    redis.call('PEXPIRE', KEYS[3], ARGV[8])
end
return 1
"""

# KEYS: the version. ARGV: the new one, its milliseconds.
RENEW: Final = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[1])
"""

_decoder = msgspec.msgpack.Decoder(Snapshot)


class Stored(Struct, frozen=True):
    """What is under a key. `head` tells it from whatever is written there later."""

    snapshot: Snapshot | None
    head: bytes = b""


class Versioned(Struct, frozen=True):
    """What was stored in one moment, the version of its owner then, and what else was asked for."""

    version: bytes | None
    stored: list[Stored]
    beside: list[bytes | None]


class Snapshots:
    """Snapshots in Redis. Every method raises `CacheDown` when Redis is away."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def get_versioned(self, owner: str, keys: Sequence[str], beside: Sequence[str] = ()) -> Versioned:
        """Read snapshots in one round trip and, of the same moment, their owner's version and values `beside` them.

        They are in the order of `keys`. What cannot be read, or is not the owner's, is None.
        """
        version, *values = await self._redis.look_up(version_of(owner), *keys, *beside)
        found = [_read(owner, value) for value in values[: len(keys)]]
        unusable = [
            key
            for key, value, stored in zip(keys, values, found, strict=False)
            if value is not None and stored.snapshot is None
        ]
        if unusable:
            await self._redis.unlink(*unusable)
        return Versioned(version, found, values[len(keys) :])

    async def put(
        self, key: str, snapshot: Snapshot, ttl: timedelta | None, head: bytes = b"", *, note: str = ""
    ) -> bool:
        """Store in place of what `head` was read of; of nothing, where it is empty. False: somebody was quicker.

        `ttl` None: it lives as long as what it replaces would have. `note` names it to `cache.noted`, in the same
        moment.
        """
        keys = (key, version_of(snapshot.owner), *((NOTES,) if note else ()))
        version, kept_for = _new_version(), LIFETIMES["version"] // MILLISECOND
        lifetime = ttl // MILLISECOND if ttl else 0
        noted = (note, score(), LIFETIMES["noted"] // MILLISECOND) if note else ()
        args = (head, _write(snapshot), lifetime, version, kept_for, *noted)
        return bool(await self._redis.run(PUT, keys, args))

    async def renew(self, owner: str) -> None:
        """Give an owner a new version, and tell it, for something else of theirs that has changed."""
        kept_for = LIFETIMES["version"] // MILLISECOND
        await self._redis.eval(RENEW, 1, version_of(owner), _new_version(), kept_for)


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
    return _stamp(snapshot) + secrets.token_hex(8).encode() + msgspec.msgpack.encode(snapshot)


def _stamp(snapshot: Snapshot) -> bytes:
    return b"%016d" % stamp(snapshot.fetched_at)


def _decode(value: bytes) -> Snapshot:
    snapshot = _decoder.decode(value[HEAD:])
    if value[:DIGITS] != _stamp(snapshot):
        raise ValueError("two times for one snapshot")
    return snapshot


def _read(owner: str, value: object) -> Stored:
    if not isinstance(value, bytes):
        return Stored(None)
    try:
        snapshot = _decode(value)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        log.warning("unreadable snapshot dropped", owner=owner, error=type(error).__name__)
        return Stored(None)
    if snapshot.owner != owner:
        log.error("foreign snapshot dropped", owner=owner)  # the key may hold a customer's e-mail address
        return Stored(None)
    return Stored(snapshot, value[:HEAD])
