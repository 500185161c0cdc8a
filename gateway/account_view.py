"""The merged view: every record read for a customer goes through here, and takes the scope that the session gave.

What was read is the account's and shared by its members; what each of them gets of it, `_serve` decides, which nothing
goes around. A page never waits for back offices longer than its budget, however many questions it asks.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from connectors.contract import FileQuery, FileStream
from connectors.deliveries import Event
from connectors.errors import NotFound, Unavailable
from connectors.records import Kind, Record
from gateway.access import LinkRef, Scope
from gateway.agreement.facts import LISTED
from gateway.agreement.winners import Place, left_out, place_of
from gateway.offices import Office, Offices
from gateway.proofs import Proof, decide
from gateway.pull import Pull
from gateway.shown import FILES, conceal
from gateway.sight import Sight
from gateway.supply import State, Supplied, Supply
from gateway.wording import say

WORST_LAST: tuple[State, ...] = ("on_time", "late", "paused", "waiting", "down")
DEEPEST = 50  # pieces of a history that one page reads


class Elsewhere(Struct, frozen=True):
    """The same thing in another source, which does not count. It can be read there all the same."""

    source: str
    title: str
    id: str


class Part(Struct, frozen=True, kw_only=True):
    """One kind of record from one source: what one stamp on a page speaks of.

    `fetched_at` None: never seen. States "down" and "paused" keep the last known records, "waiting" has none yet;
    `asking` says that a better answer is on its way. `older` is where the records that were not read begin, None where
    nothing is missing; `all_open` False: some of those may be open. `also` says, by id, in which other sources a record
    is too, where its own one counts: there it is `left_out`.
    """

    kind: Kind
    source: str
    customer: str  # their id, from the link
    title: str  # what staff call the source
    records: tuple[Record, ...]
    fetched_at: datetime | None
    promise: timedelta
    state: State
    asking: bool = False
    older: str | None = None
    all_open: bool = True
    also: Mapping[str, tuple[Elsewhere, ...]] = {}
    left_out: tuple[Record, ...] = ()

    @property
    def link(self) -> LinkRef:
        return LinkRef(self.source, self.customer)

    @property
    def complete(self) -> bool:
        """Whether the whole history is here, so that what is not here does not exist."""
        return self.fetched_at is not None and self.older is None


class AccountViews:
    """Makes views of accounts. `budget` is how long one page may wait for missing data, in seconds."""

    def __init__(self, offices: Offices, supply: Supply, *, budget: float) -> None:
        self._offices = offices
        self._supply = supply
        self._budget = budget

    async def of(self, scope: Scope, *, budget: float | None = None) -> "AccountView":
        """Look at an account for the time of one page, or for as many seconds as are given. Raises `DatabaseDown`."""
        until = asyncio.get_running_loop().time() + (self._budget if budget is None else budget)
        return AccountView(scope, await self._offices.all(), self._supply, until)

    async def look_again(self, account: str, customer: str, event: Event, office: Office, since: datetime) -> None:
        """Renew what is kept of a customer's list, and of one record, if it was asked for before. Gives nothing out.

        Raises `ConnectorError`.
        """
        for record_id in dict.fromkeys((None, event.record)):
            want = Pull(account=account, customer=customer, kind=event.kind, office=office, record_id=record_id)
            await self._supply.look_again(want, since)


class AccountView:
    """Reads one account's records for one page. `until` is on the event loop's clock."""

    def __init__(self, scope: Scope, offices: Mapping[str, Office], supply: Supply, until: float) -> None:
        self._scope = scope
        self._sight = Sight(scope)
        self.offices = offices
        self._supply = supply
        self._until = until
        self.version: bytes | None = None  # of what the last lists were read from, if they needed no call
        self.first_version: bytes | None = None  # of what was read first, as above: all else is as new, or newer
        self._has_read = False

    async def parts(self, kinds: Iterable[Kind], *, deep: Kind | None = None, depth: int = 1) -> tuple[Part, ...]:
        """Read lists. Without a link, a right or a source that reads a kind there is no part for it, and no question.

        A long history comes in pieces: the latest records, and then `depth` - 1 further ones of the kind `deep`.
        """
        wants = [
            self._want(link, kind)
            for link in self._scope.links
            if link.source in self.offices
            for kind in kinds
            if kind in self.offices[link.source].connector.reads and self._sight.reaches(kind, link.source)
        ]
        self.version, parts = await self._serve(wants)
        for _ in range(min(depth, DEEPEST) - 1):
            if not await self._read_on(wants, parts, deep):
                break
        return _each_thing_once(_each_once(parts), self.offices)

    async def one(self, kind: Kind, source: str, record_id: str) -> Part:
        """Read one record whole, as a part that holds just it. Raises `NotFound`, for a foreign record too.

        A part without records means that nobody can say yet: the source is down, or still thinking.
        """
        office = self.offices.get(source)
        links = [link for link in self._scope.links if link.source == source]
        if office is None or kind not in office.connector.fetch or not links or not self._sight.reaches(kind, source):
            raise NotFound("no such record in this account")
        _, lists = await self._serve([self._want(link, kind) for link in links])
        listed = [_only(part, record_id) for part in lists]
        found = [part for part in listed if part.records]
        if found and kind not in office.connector.brief:
            return found[0]
        if not found and all(part.complete and part.state == "on_time" for part in lists):
            raise NotFound("no such record in this account")
        owners = {part.customer for part in found or lists}
        _, whole = await self._serve([self._want(link, kind, record_id) for link in links if link.customer in owners])
        for part in whole:
            if part.records:
                return part
        # A colleague's record may be known where one that does not exist would be asked for: both get one answer.
        asked = whole if found or self._sight.is_whole(kind) else [*whole, *listed]
        unsure = [part for part in asked if part.state in {"waiting", "paused", "down"}]
        if found and unsure:  # what the list says of it, and that the rest is missing
            return replace(found[0], state=unsure[0].state, asking=unsure[0].asking)
        if found and all(
            part.fetched_at < found[0].fetched_at for part in whole if part.fetched_at and found[0].fetched_at
        ):
            return replace(found[0], state="waiting", asking=True)  # it is newer than what was read of it
        for part in unsure:
            return part
        raise NotFound("no such record in this account")

    async def conversations(self, tickets: Iterable[Part], most: int) -> tuple[Part, ...]:
        """Read the latest tickets of some lists whole, each as a part that holds just it."""
        listed = [(part, record) for part in tickets for record in part.records]
        listed.sort(key=lambda pair: pair[1].origin.changed_at or pair[1].origin.fetched_at, reverse=True)
        wants = [self._want(part.link, "tickets", record.origin.id) for part, record in listed[:most]]
        return tuple((await self._serve(wants))[1])

    @asynccontextmanager
    async def file(self, kind: Kind, source: str, record_id: str, file_id: str) -> AsyncIterator[FileStream]:
        """Open a file of one of the account's records; the connector proves the owner anew. Raises `ConnectorError`."""
        if not self._sight.opens(kind, source):
            raise NotFound("no such file in this account")
        part = await self.one(kind, source, record_id)
        office = self.offices[source]
        is_shown = kind in office.connector.files and self._sight.shown(office.policy).shows(kind, FILES)
        if not is_shown or any(decide(proof) for proof in self._proofs(part, files=True)):
            raise NotFound("no such file in this account")
        if not part.records and not self._sight.opens_all(kind):
            raise Unavailable(f"{source} has not said whose own the record is")
        query = FileQuery(record=record_id, file=file_id, customer=part.customer)
        async with office.connector.files[kind](office.back_office, query) as stream:
            yield stream

    async def why(self, kind: Kind, source: str, record_id: str) -> Proof:
        """Write down why a record is shown. Raises `NotFound`, and `Unavailable` while nobody can say."""
        return self.proof(await self.one(kind, source, record_id))

    def proof(self, part: Part) -> Proof:
        """Do as `why`, for what `one` gave."""
        for proof in self._proofs(part):
            return proof
        raise Unavailable(f"{part.source} has not answered")

    def _proofs(self, part: Part, *, files: bool = False) -> list[Proof]:
        whose = (part.kind, part.source, part.customer)
        return [self._sight.proof(*whose, record, files=files) for record in part.records]

    def _want(self, link: LinkRef, kind: Kind, record_id: str | None = None) -> Pull:
        return Pull(
            account=self._scope.account_id,
            customer=link.customer,
            kind=kind,
            office=self.offices[link.source],
            record_id=record_id,
        )

    async def _read_on(self, wants: Sequence[Pull], parts: list[Part], kind: Kind | None) -> bool:
        """Put the next piece behind each list of a kind that goes on. False: there was nothing to be had."""
        going = {
            place: replace(want, cursor=part.older)
            for place, (want, part) in enumerate(zip(wants, parts, strict=True))
            if part.kind == kind and part.older is not None
        }
        _, pieces = await self._serve(list(going.values()))
        for place, piece in zip(going, pieces, strict=True):
            parts[place] = _joined(parts[place], piece)
        return any(piece.fetched_at for piece in pieces)

    async def _serve(self, wants: Sequence[Pull]) -> tuple[bytes | None, list[Part]]:
        version, supplied = await self._supply.serve(wants, self._until)
        if wants and not self._has_read:
            self._has_read, self.first_version = True, version
        return version, [_part(want, found, self._sight) for want, found in zip(wants, supplied, strict=True)]


def _part(want: Pull, supplied: Supplied, sight: Sight) -> Part:
    known = supplied.known
    worded = say(want.kind, known.records, want.office.said) if known else ()
    records = conceal(want.kind, worded, sight.shown(want.office.policy))
    return Part(
        kind=want.kind,
        source=want.source,
        customer=want.customer,
        title=want.office.title,
        records=sight.through(want.kind, want.source, want.customer, records),
        fetched_at=known.as_of if known else None,
        promise=want.promise,
        state=supplied.state,
        asking=supplied.asking,
        older=known.older if known else want.cursor,
        all_open=known.all_open if known else False,
    )


def _joined(part: Part, further: Part) -> Part:
    """Put a further piece of a history behind it. Its age is that of the older piece."""
    ages = [piece.fetched_at for piece in (part, further) if piece.fetched_at]
    return replace(
        part,
        records=(*part.records, *further.records),
        fetched_at=min(ages, default=None),
        state=max(part.state, further.state, key=WORST_LAST.index),
        asking=part.asking or further.asking,
        older=further.older,
        all_open=part.all_open or further.all_open,
    )


def _each_once(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Keep the latest of each record: two links of an account may lead to the same one, which counts once."""
    named = [(part.source, part.kind, record.origin.id) for part in parts for record in part.records]
    if len(set(named)) == len(named):
        return tuple(parts)
    latest: dict[tuple[str, Kind, str], Record] = {}
    for part in parts:
        for record in part.records:
            known = latest.setdefault((part.source, part.kind, record.origin.id), record)
            if record.origin.fetched_at > known.origin.fetched_at:
                latest[part.source, part.kind, record.origin.id] = record
    stay = {id(record) for record in latest.values()}
    return tuple(replace(part, records=tuple(each for each in part.records if id(each) in stay)) for part in parts)


def _each_thing_once(parts: tuple[Part, ...], offices: Mapping[str, Office]) -> tuple[Part, ...]:
    """Leave out what is the same thing as a record that counts, among what this member may see."""
    for kind in LISTED:
        its = [part for part in parts if part.kind == kind]
        rules = {fact: sources for part in its for fact, sources in offices[part.source].wins.items()}
        if instead := left_out(kind, (record for part in its for record in part.records), rules):
            titles = {part.source: part.title for part in its}
            also: dict[Place, tuple[Elsewhere, ...]] = defaultdict(tuple)
            for (source, key), record in instead.items():
                also[place_of(record)] += (Elsewhere(source, titles[source], key),)
            parts = tuple(_left(part, instead, also) if part.kind == kind else part for part in parts)
    return parts


def _left(part: Part, gone: Container[Place], also: Mapping[Place, tuple[Elsewhere, ...]]) -> Part:
    stay = tuple(record for record in part.records if place_of(record) not in gone)
    left = tuple(record for record in part.records if place_of(record) in gone)
    named = {record.origin.id: also[place_of(record)] for record in stay if place_of(record) in also}
    return replace(part, records=stay, also=named, left_out=left)


def _only(part: Part, record_id: str) -> Part:
    return replace(part, records=tuple(record for record in part.records if record.origin.id == record_id))
