"""From a page of changes to the lists that they change: of customers that somebody is linked to, and of nobody else."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from connectors.contract import Changes
from connectors.errors import ConnectorError
from connectors.records import Kind, Record
from gateway.feeds.reading import Reading
from gateway.kept import Kept
from gateway.offices import Office
from gateway.pull import Pull
from gateway.records.database import Database
from gateway.records.tables import Link

AT_ONCE = 16  # lists that are written side by side
IN_A_QUESTION = 500  # customers; databases bear only so many values in one


class Change(Struct):
    """What one customer's list has to take in."""

    news: list[Record]
    gone: list[str]
    held: set[str]  # of the news: what may be in the list already


class News:
    """Brings changes in."""

    def __init__(self, db: Database, kept: Kept, reading: Reading) -> None:
        self._db = db
        self._kept = kept
        self._reading = reading

    async def bring_in(self, office: Office, kind: Kind, page: Changes[Record], asked_at: datetime) -> int:
        """Change every list that a page of changes speaks of, and say how many. Again does no harm.

        A record that has another owner now is taken out of the lists of those it had. Raises `CacheDown` and
        `DatabaseDown`: then all of the page is to be brought in again.
        """
        ids = [answer.record.origin.id for answer in page.answers]
        held = await self._kept.holders(office, kind, [*ids, *page.gone])
        by_customer = _by_customer(page, held)
        accounts = await self._accounts(office, by_customer)
        gate = asyncio.Semaphore(AT_ONCE)

        async def change(account: str, customer: str) -> bool:
            want = Pull(account=account, customer=customer, kind=kind, office=office)
            its = by_customer[customer]
            async with gate:
                if not await self._kept.change(want, its.news, its.gone, asked_at, its.held):
                    return False
                await self._look_at_wholes(want, its.news, asked_at)
                return True

        done = await asyncio.gather(*(change(account, customer) for account, customer in accounts))
        left = [(each, customer) for customer, its in by_customer.items() for each in its.gone]
        await self._kept.drop_holders(office, kind, left)
        return sum(done)

    async def _accounts(self, office: Office, customers: Iterable[str]) -> list[tuple[str, str]]:
        """Name the accounts that are some customers, with the customer each."""
        asked = sorted(customers)
        found: list[tuple[str, str]] = []
        async with self._db.read() as session:
            for first in range(0, len(asked), IN_A_QUESTION):
                some = asked[first : first + IN_A_QUESTION]
                linked = sa.select(Link.account_id, Link.customer).where(
                    Link.source == office.name, Link.customer.in_(some)
                )
                found += [(account, customer) for account, customer in await session.execute(linked)]
        return found

    async def _look_at_wholes(self, want: Pull, news: Iterable[Record], asked_at: datetime) -> None:
        """Read again what somebody has read whole: a list tells only a part of it. A page may do it later, too."""
        if want.kind in want.office.connector.brief:
            for record in news:
                one = replace(want, record_id=record.origin.id)
                known = await self._reading.kept(one)
                if known and known.fetched_at < asked_at:
                    with suppress(ConnectorError):
                        await self._reading.anew(one, known)


def _by_customer(page: Changes[Record], held: Mapping[str, frozenset[str]]) -> dict[str, Change]:
    by_customer: dict[str, Change] = defaultdict(lambda: Change([], [], set()))
    for answer in page.answers:
        key = answer.record.origin.id
        for customer in answer.owners:
            by_customer[customer].news.append(answer.record)
            if customer in held[key]:
                by_customer[customer].held.add(key)
        for customer in held[key] - answer.owners:
            by_customer[customer].gone.append(key)
    for key in page.gone:
        for customer in held[key]:
            by_customer[customer].gone.append(key)
    return by_customer
