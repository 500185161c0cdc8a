"""The merged view: every record read for a customer goes through here, and takes the scope that the session gave.

A page never waits for a back office longer than its budget, and never owns a call: the flight does, so a closed
browser cancels nothing, and two pages that miss the same snapshot share one call.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import structlog
from msgspec import Struct
from msgspec.structs import replace

from cache.client import CacheDown
from cache.flight import Flight
from cache.keys import key
from cache.snapshots import Snapshots
from connectors.contract import FileQuery, FileStream
from connectors.errors import ConnectorError, NotFound
from connectors.records import Kind, Record
from gateway.access import LinkRef, Scope
from gateway.offices import Office, Offices
from gateway.pull import Known, Pull, pack, pull, unpack

log = structlog.get_logger()

State = Literal["on_time", "late", "down", "waiting"]


class Part(Struct, frozen=True, kw_only=True):
    """One kind of record from one source: what one stamp on a page speaks of.

    `fetched_at` None: never seen. State "down" keeps the last known records, "waiting" has none yet.
    `complete` False: the source has more than was read.
    """

    kind: Kind
    source: str
    customer: str  # their id, from the link
    title: str  # what staff call the source
    records: tuple[Record, ...]
    fetched_at: datetime | None
    promise: timedelta
    state: State
    complete: bool = True


class AccountView:
    """Reads an account's records. `budget` is how long one page may wait for missing data, in seconds."""

    def __init__(
        self,
        offices: Offices,
        snapshots: Snapshots,
        flight: Flight[Known],
        *,
        clock: Callable[[], datetime],
        budget: float,
    ) -> None:
        self._offices = offices
        self._snapshots = snapshots
        self._flight = flight
        self._clock = clock
        self._budget = budget
        self._silent: set[str] = set()  # sources that did not answer last time

    async def parts(self, scope: Scope, kinds: Iterable[Kind]) -> tuple[Part, ...]:
        """Read lists. A source that cannot read a kind has no part for it; a scope without links has none at all."""
        offices = await self._offices.all()
        parts = await self._serve(
            [
                _want(scope, link, kind, offices[link.source])
                for link in scope.links
                if link.source in offices
                for kind in kinds
                if kind in offices[link.source].connector.reads
            ]
        )
        return _each_once(parts)

    async def one(self, scope: Scope, kind: Kind, source: str, record_id: str) -> Part:
        """Read one record whole, as a part that holds just it. Raises `NotFound`, for a foreign record too.

        A part without records means that nobody can say yet: the source is down, or still thinking.
        """
        office = (await self._offices.all()).get(source)
        links = [link for link in scope.links if link.source == source]
        if office is None or kind not in office.connector.fetch or not links:
            raise NotFound("no such record in this account")
        lists = await self._serve([_want(scope, link, kind, office) for link in links])
        listed = [_only(part, record_id) for part in lists]
        found = [part for part in listed if part.records]
        if found and kind != "tickets":  # a listed ticket lacks its conversation, everything else is whole
            return found[0]
        if not found and all(part.complete and part.state == "on_time" for part in lists):
            raise NotFound("no such record in this account")
        owners = {part.customer for part in found or lists}
        whole = await self._serve(
            [_want(scope, link, kind, office, record_id) for link in links if link.customer in owners]
        )
        for part in whole:
            if part.records:
                return part
        unsure = [part for part in whole if part.state in {"waiting", "down"}]
        if found and unsure:  # what the list says of it, and that the rest is missing
            return replace(found[0], state=unsure[0].state)
        if found and all(
            part.fetched_at < found[0].fetched_at for part in whole if part.fetched_at and found[0].fetched_at
        ):
            return replace(found[0], state="waiting")  # it is newer than what was read of it
        for part in unsure:
            return part
        raise NotFound("no such record in this account")

    async def conversations(self, scope: Scope, tickets: Iterable[Part], most: int) -> tuple[Part, ...]:
        """Read the latest tickets of some lists whole, each as a part that holds just it."""
        offices = await self._offices.all()
        listed = [(part, record) for part in tickets for record in part.records]
        listed.sort(key=lambda pair: pair[1].origin.changed_at or pair[1].origin.fetched_at, reverse=True)
        wants = [
            _want(scope, LinkRef(part.source, part.customer), "tickets", offices[part.source], record.origin.id)
            for part, record in listed[:most]
            if part.source in offices
        ]
        return await self._serve(wants)

    @asynccontextmanager
    async def file(
        self, scope: Scope, kind: Kind, source: str, record_id: str, file_id: str
    ) -> AsyncIterator[FileStream]:
        """Open a file of one of the account's records; the connector proves the owner anew. Raises `ConnectorError`."""
        part = await self.one(scope, kind, source, record_id)
        office = (await self._offices.all())[source]
        if kind not in office.connector.files:
            raise NotFound("no such file in this account")
        query = FileQuery(record=record_id, file=file_id, customer=part.customer)
        async with office.connector.files[kind](office.back_office, query) as stream:
            yield stream

    async def _serve(self, wants: Sequence[Pull]) -> tuple[Part, ...]:
        now = self._clock()
        known = await self._known(wants)
        calls = {
            want.key: self._flight.join(want.key, partial(self._renew, want))
            for want, snapshot in zip(wants, known, strict=True)
            if snapshot is None or now - snapshot.fetched_at > want.promise
        }
        if calls:
            await asyncio.wait(calls.values(), timeout=self._budget)
        return tuple(_part(want, snapshot, calls.get(want.key)) for want, snapshot in zip(wants, known, strict=True))

    async def _known(self, wants: Sequence[Pull]) -> list[Known | None]:
        if not wants:
            return []
        try:
            snapshots = await self._snapshots.get_many(wants[0].account, [want.key for want in wants])
        except CacheDown:
            return [None] * len(wants)
        return [unpack(want, snapshot) for want, snapshot in zip(wants, snapshots, strict=True)]

    async def _renew(self, want: Pull) -> Known:
        try:
            known = await pull(want, self._clock())
        except Exception as error:
            self._failed(want, error)
            raise
        self._answered(want)
        with suppress(CacheDown):  # the page has its answer all the same
            await self._snapshots.put(want.key, pack(want, known), want.lifetime)
        return known

    def _failed(self, want: Pull, error: Exception) -> None:
        """Log once when a source stops answering; a bug of ours every time, with its traceback."""
        if not isinstance(error, ConnectorError):
            log.error("read failed", source=want.source, kind=want.kind, exc_info=error)
        elif want.source not in self._silent:
            self._silent.add(want.source)
            log.warning("source away", source=want.source, error=type(error).__name__, detail=str(error))

    def _answered(self, want: Pull) -> None:
        if want.source in self._silent:
            self._silent.discard(want.source)
            log.info("source is back", source=want.source)


def _want(scope: Scope, link: LinkRef, kind: Kind, office: Office, record_id: str | None = None) -> Pull:
    # The version: what was read before a source's settings changed may be another system's.
    parts = (scope.account_id, link.source, office.version, link.customer, kind)
    return Pull(
        account=scope.account_id,
        customer=link.customer,
        kind=kind,
        office=office,
        record_id=record_id,
        key=key("list", *parts) if record_id is None else key("detail", *parts, record_id),
    )


def _part(want: Pull, known: Known | None, call: asyncio.Future[Known] | None) -> Part:
    state: State = "on_time"
    if call is not None:
        if not call.done():
            state = "waiting" if known is None else "late"
        elif call.exception() is not None:
            state = "down"
        else:
            known = call.result()
    return Part(
        kind=want.kind,
        source=want.source,
        customer=want.customer,
        title=want.office.title,
        records=known.records if known else (),
        fetched_at=known.fetched_at if known else None,
        promise=want.promise,
        state=state,
        complete=known.complete if known else False,
    )


def _each_once(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Keep the latest of each record: two links of an account may lead to the same one, which counts once."""
    latest: dict[tuple[str, Kind, str], Record] = {}
    for part in parts:
        for record in part.records:
            known = latest.setdefault((part.source, part.kind, record.origin.id), record)
            if record.origin.fetched_at > known.origin.fetched_at:
                latest[part.source, part.kind, record.origin.id] = record
    return tuple(
        replace(
            part,
            records=tuple(
                record for record in part.records if latest[part.source, part.kind, record.origin.id] is record
            ),
        )
        for part in parts
    )


def _only(part: Part, record_id: str) -> Part:
    return replace(part, records=tuple(record for record in part.records if record.origin.id == record_id))
