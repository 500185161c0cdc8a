"""Comparing what the sources of one account say: out of what is kept of each, without asking any of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import combinations

import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace

from auth.clock import Clock
from cache.client import CacheDown
from connectors.records import Record
from gateway.access import LinkRef
from gateway.agreement.facts import FACTS, LISTED, Listed, compare
from gateway.agreement.pairs import pairs
from gateway.agreement.winners import Rules, winner
from gateway.conflicts import Look, Sources, Thing, accounts_in_conflict, note
from gateway.feeds.reading import Reading
from gateway.leases import end_lease, take_lease
from gateway.offices import Office, Offices
from gateway.pull import Known, Pull
from gateway.records.database import Database
from gateway.records.tables import Link
from gateway.wording import say

AGAIN_EVERY = timedelta(minutes=5)
LASTS = timedelta(minutes=10)
AT_A_TIME = 20  # accounts in one transaction

log = structlog.get_logger()


class Theirs(Struct, frozen=True):
    """What is known of one source's records of one kind: of an account, all of whose links there were read."""

    known: tuple[Known, ...]

    @property
    def records(self) -> list[Record]:
        return [record for known in self.known for record in known.records]

    @property
    def is_whole(self) -> bool:
        return all(known.older is None for known in self.known)

    def knew(self, record: Record) -> bool:
        """Whether another source's record is as it was when this was read, so that both are of one time."""
        changed_at = record.origin.changed_at
        return changed_at is None or all(changed_at <= known.as_of for known in self.known)


class Comparing:
    """Compares accounts, and keeps the queue of conflicts."""

    def __init__(self, db: Database, offices: Offices, reading: Reading, clock: Clock) -> None:
        self._db = db
        self._offices = offices
        self._reading = reading
        self._clock = clock

    async def look(self, accounts: Iterable[str]) -> None:
        """Compare what is kept of some accounts. Raises `CacheDown` and `DatabaseDown`."""
        offices = await self._offices.all()
        links = await self._links(dict.fromkeys(accounts), offices)
        looks = [await self._look(account, theirs, offices) for account, theirs in links.items()]
        await note(self._db, looks, self._clock())

    async def again(self) -> None:
        """Look again where something did not agree, so that what was put right is seen soon. Raises `DatabaseDown`."""
        turn = await take_lease(self._db, "conflicts", self._clock(), every=AGAIN_EVERY, lasts=LASTS)
        if turn is None:
            return
        accounts = await accounts_in_conflict(self._db)
        try:
            for first in range(0, len(accounts), AT_A_TIME):
                await self.look(accounts[first : first + AT_A_TIME])
        except CacheDown:
            log.warning("conflicts not looked at: redis is away")
        await end_lease(self._db, "conflicts", turn, self._clock())

    async def _links(self, accounts: Iterable[str], offices: Mapping[str, Office]) -> dict[str, list[LinkRef]]:
        found: dict[str, list[LinkRef]] = {account: [] for account in accounts}
        theirs = sa.select(Link.account_id, Link.source, Link.customer).where(Link.account_id.in_(list(found)))
        async with self._db.read() as session:
            for account, source, customer in await session.execute(theirs.order_by(Link.source, Link.customer)):
                if source in offices:
                    found[account].append(LinkRef(source, customer))
        return found

    async def _look(self, account: str, links: Iterable[LinkRef], offices: Mapping[str, Office]) -> Look:
        things: list[Thing] = []
        whole: set[tuple[Listed, Sources]] = set()
        partly: set[tuple[Listed, Sources]] = set()
        for kind in LISTED:
            wants: dict[str, list[Pull]] = defaultdict(list)
            for link in links:
                office = offices[link.source]
                if kind in office.connector.reads:
                    wants[link.source].append(Pull(account=account, customer=link.customer, kind=kind, office=office))
            known = await self._known(wants) if len(wants) > 1 else {}
            for sources in combinations(sorted(known), 2):
                theirs = known[sources[0]], known[sources[1]]
                found, is_sure = _compare(kind, sources, theirs, offices[sources[0]].wins)
                things += found
                (whole if is_sure and all(each.is_whole for each in theirs) else partly).add((kind, sources))
        linked = frozenset(link.source for link in links)
        return Look(
            account=account, linked=linked, things=tuple(things), whole=frozenset(whole), partly=frozenset(partly)
        )

    async def _known(self, wants: Mapping[str, list[Pull]]) -> dict[str, Theirs]:
        """Give what is kept, of those sources of which all is kept."""
        found = {source: [await self._worded(want) for want in theirs] for source, theirs in wants.items()}
        return {
            source: Theirs(tuple(known for known in theirs if known)) for source, theirs in found.items() if all(theirs)
        }

    async def _worded(self, want: Pull) -> Known | None:
        """Give what is kept of a list, as customers are told it."""
        known = await self._reading.kept(want)
        return replace(known, records=say(want.kind, known.records, want.office.said)) if known else None


def _compare(kind: Listed, sources: Sources, theirs: tuple[Theirs, Theirs], rules: Rules) -> tuple[list[Thing], bool]:
    """Compare two sources. False: of something nobody can say yet, as it has just changed in one of them."""
    things, is_sure = [], True
    winners = {field: won for field in FACTS[kind] if (won := winner(rules, f"{kind}.{field}", *sources))}
    for one, other in pairs([*theirs[0].records, *theirs[1].records]):
        if not (theirs[1].knew(one) and theirs[0].knew(other)):
            is_sure = False
            continue
        thing = Thing(
            kind=kind,
            number=one.number,
            sources=sources,
            ids=(one.origin.id, other.origin.id),
            compared=compare(one, other),
            winners=winners,
        )
        things.append(thing)
    return things, is_sure
