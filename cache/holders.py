"""Who holds copies of what: by the id of a thing, the names of those in whose snapshots it may be.

A name too many does no harm: it is looked up there and not found. So names are added before a copy is written, and
taken away after the last one is gone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from cache.client import Client
from cache.keys import LIFETIMES, key

# So many ids of a row share a hash: a small one takes a tenth of the room that each of its values would alone.
TOGETHER: Final = 100
BETWEEN: Final = "\x1f"

# KEYS: the hash of each id. ARGV: milliseconds, what is between two names, and of each id: itself, and a name to add.
ADD: Final = """
for n = 1, #KEYS do
    local id, name = ARGV[2 * n + 1], ARGV[2 * n + 2]
    local held = redis.call('HGET', KEYS[n], id)
    if not held then
        redis.call('HSET', KEYS[n], id, name)
    elseif not string.find(ARGV[2] .. held .. ARGV[2], ARGV[2] .. name .. ARGV[2], 1, true) then
        redis.call('HSET', KEYS[n], id, held .. ARGV[2] .. name)
    end
    redis.call('PEXPIRE', KEYS[n], ARGV[1])
end
"""
# KEYS: the hash of each id. ARGV: the ids.
GET: Final = """
local held = {}
for n = 1, #KEYS do held[n] = redis.call('HGET', KEYS[n], ARGV[n]) end
return held
"""
# KEYS: the hash of each id. ARGV: what is between two names, and of each id: itself, and a name to take away.
DROP: Final = """
for n = 1, #KEYS do
    local id, name = ARGV[2 * n], ARGV[2 * n + 1]
    local left = {}
    for each in string.gmatch(redis.call('HGET', KEYS[n], id) or '', '[^' .. ARGV[1] .. ']+') do
        if each ~= name then left[#left + 1] = each end
    end
    if #left == 0 then
        redis.call('HDEL', KEYS[n], id)
    else
        redis.call('HSET', KEYS[n], id, table.concat(left, ARGV[1]))
    end
end
"""

_NUMBER = re.compile(r"[0-9]{1,18}\Z")


class Holders:
    """Holders in Redis, for one group of things at a time. Every method raises `CacheDown` when Redis is away."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def of(self, group: Sequence[str], ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Name the holders of each of some things."""
        if not ids:
            return {}
        held = await self._redis.run(GET, [_hash(group, each) for each in ids], ids)
        return {
            each: frozenset(names.decode().split(BETWEEN)) if names else frozenset()
            for each, names in zip(ids, held, strict=True)
        }

    async def add(self, group: Sequence[str], holds: Iterable[tuple[str, str]]) -> None:
        """Note pairs of an id and a holder."""
        pairs = list(holds)
        if pairs:
            kept_for = LIFETIMES["held"] // timedelta(milliseconds=1)
            hashes = [_hash(group, each) for each, _ in pairs]
            await self._redis.run(ADD, hashes, [kept_for, BETWEEN, *(part for pair in pairs for part in pair)])

    async def drop(self, group: Sequence[str], holds: Iterable[tuple[str, str]]) -> None:
        """Forget pairs of an id and a holder."""
        pairs = list(holds)
        if pairs:
            hashes = [_hash(group, each) for each, _ in pairs]
            await self._redis.run(DROP, hashes, [BETWEEN, *(part for pair in pairs for part in pair)])


def _hash(group: Sequence[str], id_: str) -> str:
    """Name the hash in which an id is. Ids that follow each other are together."""
    number = _NUMBER.search(id_)
    if number is None:
        return key("held", *group, id_)
    return key("held", *group, f"{id_[: number.start()]}{int(number[0]) // TOGETHER}")
