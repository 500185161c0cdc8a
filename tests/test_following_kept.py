"""From a change in the sandbox to what is kept of a customer, by the connectors' own feeds and nobody's look."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import test_sandbox_hubspot
import test_zendesk
from support_feeds import Process, Ticking, link, process
from support_following import read_all
from support_sandbox import RunningSandbox

from cache.client import Client
from connectors.contract import BackOffice, Connector
from connectors.records import Record
from connectors.sandbox.hubspot import changes as in_hubspot
from connectors.sandbox.zendesk import changes as in_zendesk
from connectors.vendors.hubspot import connector as hubspot
from connectors.vendors.zendesk import connector as zendesk
from gateway.offices import Office
from gateway.pull import Pull
from gateway.records.database import Database

BAKERY = "organization:360001000010"


def ago(minutes: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


class Followed:
    """A source of the sandbox's, called the ledger, with one customer of whom a list is kept."""

    def __init__(self, here: Process, want: Pull, opened: BackOffice[Any], clock: Ticking) -> None:
        self._here, self._want, self._opened, self._clock = here, want, opened, clock

    async def kept(self) -> Mapping[str, Record]:
        known = (await self._here.kept.read([self._want])).known[0]
        assert known is not None
        return {record.origin.id: record for record in known.records}

    async def look(self) -> None:
        """Follow the feed, and see that what is kept is what would be read."""
        self._clock.now += timedelta(minutes=1)
        want = self._want
        assert await self._here.following.look("ledger", want.kind)
        there = await read_all(want.office.connector.reads[want.kind], self._opened, want.customer)
        read = {key: (each.record.state, each.record.origin.changed_at) for key, each in there.items()}
        kept = {key: (each.state, each.origin.changed_at) for key, each in (await self.kept()).items()}
        assert kept == read


@asynccontextmanager
async def followed(
    database: Database, redis: Client, opened: BackOffice[Any], connector: Connector[Any], customer: str
) -> AsyncIterator[Followed]:
    clock, (kind,) = Ticking(), connector.feeds
    clock.now = datetime.now(UTC)
    office = Office(name="ledger", title="L", connector=connector, promises={kind: 60}, version="1", opened=opened)
    await link(database, customer)
    async with process(database, redis, office, clock) as here:
        assert await here.sweeping.sweep("ledger")
        yield Followed(
            here, Pull(account=f"acme-{customer}", customer=customer, kind=kind, office=office), opened, clock
        )


async def test_follows_zendesk(database: Database, redis: Client, sandbox: RunningSandbox) -> None:
    store = sandbox.site.zendesk
    async with (
        test_zendesk.opened(test_zendesk.config(base_url=sandbox.zendesk_url)) as opened,
        followed(database, redis, opened, zendesk, BAKERY) as source,
    ):
        await source.look()
        new = in_zendesk.create_ticket(
            store, {"requester_id": 360002000031, "comment": {"body": "Help"}, "subject": "Oven"}, ago(9)
        )
        in_zendesk.update_ticket(store, 7081, {"status": "hold"}, ago(9))
        await source.look()
        kept = await source.kept()
        assert (kept[str(new["id"])].vendor_state, kept["7081"].vendor_state) == ("new", "hold")
        in_zendesk.make_private(store, store.comments_on(new["id"])[0]["id"], ago(8))
        in_zendesk.delete_ticket(store, 7081, ago(8))
        await source.look()
        assert not {str(new["id"]), "7081"} & (await source.kept()).keys()


async def test_follows_hubspot(database: Database, redis: Client, sandbox: RunningSandbox) -> None:
    store = sandbox.site.hubspot
    async with (
        test_sandbox_hubspot.opened(sandbox) as opened,
        followed(database, redis, opened, hubspot, "company:9010") as source,
    ):
        await source.look()
        in_hubspot.move(store, "orders", "54805204417", "Delivered", ago(9))
        await source.look()
        assert (await source.kept())["order-54805204417"].vendor_state == "Delivered"
        in_hubspot.archive(store, "orders", "54805204417", ago(8))
        await source.look()
        assert "order-54805204417" not in await source.kept()
