"""Two looks at every linked customer: what is kept of them, and what their back offices say when asked directly."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
from faults_world import Accounts, World
from msgspec import Struct
from msgspec.structs import replace

from auth.clock import utc_now
from cache.client import connect
from connectors.addresses import AddressPolicy
from connectors.records import Kind, Record
from connectors.registry import load_connectors
from connectors.sandbox.control.hubspot import hubspot_system
from connectors.sandbox.control.kinds import Item, System
from connectors.sandbox.control.odoo import odoo_system
from connectors.sandbox.control.zendesk import zendesk_system
from gateway.kept import Kept
from gateway.offices import Offices
from gateway.pull import NEVER, Known, Pull, pull
from gateway.records.database import Database
from gateway.settings import load
from gateway.vault import Vault

# What the sandbox's control calls each kind of ours, by our source.
KINDS: Mapping[str, Mapping[str, Kind]] = {
    "erp": {"orders": "orders", "invoices": "invoices"},
    "helpdesk": {"tickets": "tickets"},
    "crm": {"orders": "orders", "deals": "orders"},
}
SYSTEMS = {"erp": "odoo", "helpdesk": "zendesk", "crm": "hubspot"}


class Change(Struct, frozen=True, kw_only=True):
    """A record that was changed `at` the source: in which list, and as what it is to be seen there, None: no more."""

    want: Pull
    id: str
    record: Record | None
    at: datetime

    def is_in(self, known: Known | None) -> bool:
        return known is not None and _bare(known).get(self.id) == self.record


class Mirror:
    """Compares. `wants` are all lists that a feed follows, by account."""

    def __init__(self, world: World, kept: Kept, wants: Mapping[str, Sequence[Pull]], rng: random.Random) -> None:
        self._world = world
        self._kept = kept
        self.wants = wants
        self._rng = rng
        self._changed: set[tuple[str, int]] = set()

    async def kept(self, account: str) -> list[Known | None]:
        """Give what is kept of an account, in the order of its `wants`."""
        return (await self._kept.read(self.wants[account])).known

    async def missing(self) -> int:
        """Count the lists that are not kept."""
        return sum([(await self.kept(account)).count(None) for account in self.wants])

    async def differing(self, accounts: Sequence[str], *, if_kept: bool = False) -> list[str]:
        """Name what is kept in another way than the sources have it. `if_kept`: what is not kept is no difference."""
        found = []
        for account in accounts:
            for want, known in zip(self.wants[account], await self.kept(account), strict=True):
                whole = await pull(want, utc_now())
                if known is None:
                    found += [] if if_kept else [want.key]
                else:
                    found += [f"{want.key} {each}" for each in _differing(known, whole)]
        return found

    async def read_once(self) -> None:
        """Ask the sources for each list."""
        for wants in self.wants.values():
            for want in wants:
                await pull(want, utc_now())

    async def change(
        self, source: str, http: httpx.AsyncClient, whose: Sequence[str], *, again: bool = False
    ) -> list[Change]:
        """Change a record of one of some accounts by the source's control, and say what they are to see of it.

        `again`: one that was changed before will do, too. Gives nothing where no record is left.
        """
        for name in self._rng.sample(list(KINDS[source]), len(KINDS[source])):
            wants = [want for each in whose for want in self.wants[each] if want.topic == (source, KINDS[source][name])]
            before = await _read(wants)
            theirs = {key for was in before for key in was}
            for item in self._shuffled(source, name):
                is_theirs = any(key.endswith(str(item.id)) for key in theirs)
                if not is_theirs or (not again and (name, item.id) in self._changed):
                    continue
                answer = await http.post(
                    f"{self._world.sandbox.url}/control/{SYSTEMS[source]}/{name}/{item.id}", data=self._other(item)
                )
                if answer.status_code != httpx.codes.SEE_OTHER:
                    raise RuntimeError(f"{name} {item.id}: {answer.status_code}")
                at = utc_now()
                self._changed.add((name, item.id))
                changes = [
                    Change(want=want, id=key, record=now.get(key), at=at)
                    for want, was, now in zip(wants, before, await _read(wants), strict=True)
                    for key in was.keys() | now.keys()
                    if was.get(key) != now.get(key)
                ]
                if changes:
                    return changes
        return []

    def _systems(self) -> Mapping[str, System]:
        site = self._world.sandbox.site
        return {
            "erp": odoo_system(site.odoo),
            "helpdesk": zendesk_system(site.zendesk),
            "crm": hubspot_system(site.hubspot),
        }

    def _shuffled(self, source: str, name: str) -> list[Item]:
        items = [item for item in self._systems()[source].kinds[name].items() if item.choices]
        self._rng.shuffle(items)
        return items

    def _other(self, item: Item) -> dict[str, str]:
        """Choose another value for one of its choices."""
        chosen = self._rng.choice(item.choices)
        others = [each for each in chosen.options if each != chosen.value]
        return {each.name: each.value for each in item.choices} | {chosen.name: self._rng.choice(others)}


@asynccontextmanager
async def mirror(world: World, accounts: Accounts, rng: random.Random) -> AsyncIterator[Mirror]:
    settings = load(world.environ)
    database, redis = Database(settings.database_url.reveal()), connect(world.redis.url)
    policy = AddressPolicy(allow_http=True, allow_private=True)
    offices = Offices(database, Vault(settings.keyring()), load_connectors(), policy)
    known = await offices.all()
    wants = {
        account: [
            Pull(account=account, customer=customer, kind=kind, office=known[source])
            for source, customer in links
            for kind in known[source].connector.feeds
        ]
        for account, links in accounts.items()
    }
    yield Mirror(world, Kept(redis), wants, rng)
    await offices.aclose()
    await redis.aclose()
    await database.close()


async def _read(wants: Sequence[Pull]) -> list[dict[str, Record]]:
    return [_bare(await pull(want, utc_now())) for want in wants]


def _differing(known: Known, whole: Known) -> list[str]:
    """Name the records that are not the same in both, as far as both reach."""
    ours, theirs = _bare(known), _bare(whole)
    both = theirs.keys() if whole.older else theirs.keys() | ours.keys()
    return sorted(key for key in both if ours.get(key) != theirs.get(key))


def _bare(known: Known) -> dict[str, Record]:
    """Give the records by their ids, without when they were read."""
    return {
        record.origin.id: replace(record, origin=replace(record.origin, fetched_at=NEVER)) for record in known.records
    }
