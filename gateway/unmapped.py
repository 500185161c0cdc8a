"""Statuses that nobody has words for: which there are, on how many records, and when one was read last.

Customers see such a record with words that are true of every one. What is noted is for staff, and names no customer.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from cache.client import Client
from cache.sightings import Sightings
from connectors.records import Kind, Record

LONGEST = 100  # letters of a status


class Unmapped(Struct, frozen=True, kw_only=True):
    """A status of a source that is none of ours. `records`: on how many it was read within a day."""

    source: str
    kind: Kind
    status: str
    records: int
    last_at: datetime


class Sighting(Struct, frozen=True, array_like=True):
    source: str
    kind: Kind
    status: str
    record: str


class UnmappedStatuses:
    """Notes them in Redis, where each list that is read notes its own again. Raises `CacheDown`."""

    def __init__(self, redis: Client) -> None:
        self._sightings = Sightings(redis, "unmapped")

    async def note(self, source: str, kind: Kind, records: Iterable[Record], at: datetime) -> None:
        seen = [
            Sighting(source, kind, record.vendor_state[:LONGEST], record.origin.id)
            for record in records
            if record.state == "unknown"
        ]
        await self._sightings.see([msgspec.json.encode(each) for each in seen], at)

    async def all(self) -> tuple[Unmapped, ...]:
        """Give them with the latest first."""
        found: dict[tuple[str, Kind, str], Unmapped] = {}
        for thing, at in await self._sightings.latest():
            seen = msgspec.json.decode(thing, type=Sighting)
            its = (seen.source, seen.kind, seen.status)
            known = found.pop(its, None)
            found[its] = Unmapped(
                source=seen.source,
                kind=seen.kind,
                status=seen.status,
                records=known.records + 1 if known else 1,
                last_at=at,
            )
        return tuple(reversed(found.values()))
