"""What is kept of back offices, and how it changes: of two answers about a record the newer one is kept."""

from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from cache.client import CacheDown, Client
from cache.holders import Holders
from cache.snapshots import Snapshots, Stored
from connectors.records import Kind, Record
from gateway.checked import mark_of, read_mark
from gateway.newest import changed, joined
from gateway.offices import Office
from gateway.pull import LATEST, NEVER, Known, Pull, pack, unpack
from gateway.unmapped import UnmappedStatuses

TRIES = 50  # to write in place of what was read: each time somebody else was quicker
IN_PASSING = timedelta(minutes=1)  # longer than a call takes
MOST = 3 * LATEST  # records that a list may grow to by changes; then it is read anew


class Shelf(Struct, frozen=True):
    """What was kept of one account in one moment, in the order asked for, and the version of all of it."""

    version: bytes | None
    known: list[Known | None]


class Kept:
    """Lists and records in Redis. Every method raises `CacheDown` when Redis is away, or too busy to hear us.

    `notes`: each list that is written is noted for those who look for news in it.
    """

    def __init__(self, redis: Client, *, notes: bool = False) -> None:
        self._redis = redis
        self._notes = notes
        self._snapshots = Snapshots(redis)
        self._holders = Holders(redis)
        self._unmapped = UnmappedStatuses(redis)

    async def read(self, wants: Sequence[Pull]) -> Shelf:
        """Read what is known, all of one account, and until when the feeds vouch for it."""
        topics = {want.topic: want for want in wants if want.is_followed}
        marks = [mark_of(want.office, want.kind) for want in topics.values()]
        found = await self._snapshots.get_versioned(wants[0].account, [want.key for want in wants], marks)
        known = [unpack(want, stored) for want, stored in zip(wants, found.stored, strict=True)]
        checked = {topic: read_mark(mark) for topic, mark in zip(topics, found.beside, strict=True)}
        run = await self._redis.run_id() if any(checked.values()) else ""
        for place, want in enumerate(wants):
            have, mark = known[place], checked.get(want.topic)
            if have and not have.is_whole:
                known[place] = None
            elif have and mark and mark.run == run and want.is_followed:
                known[place] = mark.vouch(have, want.office.connector.feeds[want.kind])
        return Shelf(found.version, known)

    async def put(self, want: Pull, whole: Known, have: Known | None) -> Known:
        """Keep what was read as a whole, and give what that makes. `have` is what was kept when it was asked for."""
        await self._add_holder(want, whole.records)
        await self._unmapped.note(want.source, want.kind, whole.records, whole.fetched_at)
        stored = Stored(None, have.head if have else b"")
        kept = have
        for _ in range(TRIES):
            known = joined(whole, kept)
            if await self._put(want, known, want.lifetime, stored):
                return known
            (stored,) = (await self._snapshots.get_versioned(want.account, [want.key])).stored
            kept = unpack(want, stored)
        raise CacheDown("never our turn to write")

    async def change(
        self, want: Pull, news: Sequence[Record], gone: Sequence[str], at: datetime, held: Container[str] = ()
    ) -> bool:
        """Bring in changes, in answer to a question of `at`. False: there was nothing that they change.

        Of those that are `held`, it is known already that they may be in this list.

        Where nothing is kept, they are kept for a moment: somebody may have asked for the whole before they happened.
        """
        await self._unmapped.note(want.source, want.kind, news, at)
        for _ in range(TRIES):
            (stored,) = (await self._snapshots.get_versioned(want.account, [want.key])).stored
            kept = unpack(want, stored) or Known(records=(), fetched_at=NEVER)
            after = changed(kept, news, gone, at)
            if after is None:
                return False
            if len(after.records) > MOST:
                await self._redis.unlink(want.key)
                return True
            await self._add_holder(want, [record for record in news if record.origin.id not in held])
            # Their holders are remembered for as long as a list lives that was read as a whole.
            lifetime = None if after.is_whole else IN_PASSING
            if await self._put(want, after, lifetime, stored):
                return after.is_whole
        raise CacheDown("never our turn to write")

    async def renew(self, account: str) -> None:
        """Let open pages of an account look again: something that is not kept here has changed."""
        await self._snapshots.renew(account)

    async def holders(self, office: Office, kind: Kind, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Name the customers of theirs in whose lists each of some records may be."""
        return dict(await self._holders.of(_group(office, kind), ids))

    async def drop_holders(self, office: Office, kind: Kind, holds: Iterable[tuple[str, str]]) -> None:
        with suppress(CacheDown):  # a name too many does no harm
            await self._holders.drop(_group(office, kind), holds)

    async def _put(self, want: Pull, known: Known, lifetime: timedelta | None, stored: Stored) -> bool:
        """Write in the place of what was stored. False: somebody was quicker."""
        note = want.note if self._notes and want.is_list else ""
        return await self._snapshots.put(want.key, pack(want, known), lifetime, stored.head, note=note)

    async def _add_holder(self, want: Pull, records: Iterable[Record]) -> None:
        if want.is_followed:
            holds = [(record.origin.id, want.customer) for record in records]
            await self._holders.add(_group(want.office, want.kind), holds)


def _group(office: Office, kind: Kind) -> tuple[str, ...]:
    return office.name, office.version, kind
