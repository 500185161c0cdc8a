"""Webhooks as they come in: proven, written down, answered; then what they speak of is looked at again.

An event is never believed, it only says where to look. So copies, disorder and losses change nothing: what is shown
is always what the back office answered after the event came.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from connectors.deliveries import Delivery, Event
from connectors.errors import ConnectorError, NotFound, WebhookRefused
from gateway.account_view import AccountViews
from gateway.offices import Office, Offices
from gateway.records.database import Database, DatabaseDown
from gateway.records.ids import new_id
from gateway.records.tables import InboxRow, Link
from gateway.records.upsert import insert
from gateway.rounds import Rounds, Seldom

KEPT_FOR = timedelta(days=7)  # a copy that comes later is taken for a new one, and does no harm
LEASE = timedelta(minutes=1)  # a process that died is succeeded after it
PAUSES = (1, 5, 30, 120, 600)  # seconds between tries to look again; after the last one the promises see to it
BATCH = 100
LOOK_EVERY = 2.0  # seconds, for what other processes took and did not finish
PURGED_EVERY = timedelta(hours=1)

log = structlog.get_logger()


class Due(Struct, frozen=True):
    """A delivery that is ours to work on."""

    id: str
    source: str
    events: tuple[Event, ...]
    received_at: datetime
    tries: int


class Inbox:
    """Takes deliveries, and works on them from `start` to `aclose`, beside the other processes that do."""

    def __init__(self, database: Database, offices: Offices, views: AccountViews, clock: Clock) -> None:
        self._database = database
        self._offices = offices
        self._views = views
        self._clock = clock
        self._rounds = Rounds("webhooks", self._turn, every=LOOK_EVERY)
        self._purges = Seldom(self._purge, clock, every=PURGED_EVERY)

    async def take(self, source: str, delivery: Delivery) -> None:
        """Write down what a delivery says. One that came before is taken once.

        Raises `WebhookRefused`, for a source that there is not too, and `DatabaseDown`: it was not taken.
        """
        office = await self._offices.get(source)
        webhook = office.connector.webhook if office else None
        if office is None or webhook is None or office.opened is None:
            raise WebhookRefused("no such source, or none that takes webhooks")
        news = webhook.read(webhook.verify(delivery, office.opened.config))
        row = {
            "id": new_id(),
            "source": source,
            "delivery": news.id,
            "events": [msgspec.to_builtins(event) for event in news.events],
            "received_at": delivery.received_at,
            "due_at": delivery.received_at,
            "tries": 0,
        }
        async with self._database.write() as session:
            await session.execute(insert(session, InboxRow).values(**row).on_conflict_do_nothing())
        self._rounds.wake()

    async def refused_status(self, source: str) -> int:
        """Say with which status this source's vendor wants to be refused."""
        office = await self._offices.get(source)
        webhook = office.connector.webhook if office else None
        return webhook.refused if webhook else 401

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        """Stop. What is not finished is done by another process, or after the next start."""
        await self._rounds.stop()

    async def work(self) -> int:
        """Look again at what all deliveries that are due speak of, and say how many there were."""
        due = await self._lease()
        by_source: dict[str, list[Due]] = {}
        for each in due:
            by_source.setdefault(each.source, []).append(each)
        await asyncio.gather(*(self._work_on(source, group) for source, group in by_source.items()))
        return len(due)

    async def _turn(self) -> None:
        while await self.work():
            pass
        await self._purges.turn()

    async def _lease(self) -> list[Due]:
        now = self._clock()
        waiting = (
            sa.select(InboxRow.id)
            .where(InboxRow.due_at <= now)
            .order_by(InboxRow.due_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as session:
            rows = await session.scalars(
                sa.update(InboxRow)
                .where(InboxRow.id.in_(waiting.scalar_subquery()))
                .values(due_at=now + LEASE, tries=InboxRow.tries + 1)
                .returning(InboxRow)
            )
            return [_due(row) for row in rows]

    async def _work_on(self, source: str, group: Sequence[Due]) -> None:
        """Do each event of a source once, however many deliveries tell of it."""
        office = await self._offices.get(source)
        since: dict[Event, datetime] = {}
        for due in group:
            for event in due.events:
                since[event] = max(due.received_at, since.get(event, due.received_at))
        failed: set[Event] = set()
        if office is not None:
            outcomes = await asyncio.gather(*(self._look_again(office, each, at) for each, at in since.items()))
            failed = {event for event, is_done in zip(since, outcomes, strict=True) if not is_done}
        await self._settle(group, failed)

    async def _look_again(self, office: Office, event: Event, since: datetime) -> bool:
        try:
            customers = event.customers or await _owners(office, event)
            for account, customer in await self._linked(office, customers):
                await self._views.look_again(account, customer, event, office, since)
        except NotFound:
            return True  # it is gone, and the lists that hold it are renewed when their promise ends
        except ConnectorError as error:
            log.warning("webhook not followed yet", source=office.name, kind=event.kind, error=type(error).__name__)
            return False
        except DatabaseDown:
            return False
        except Exception:  # of ours, or of a connector that somebody wrote: the others' events go on
            log.exception("webhook not followed", source=office.name, kind=event.kind)
            return False
        return True

    async def _linked(self, office: Office, customers: Iterable[str]) -> list[tuple[str, str]]:
        """Name the accounts that are these customers, and which."""
        linked = sa.select(Link.account_id, Link.customer).where(
            Link.source == office.name, Link.customer.in_(sorted(customers))
        )
        async with self._database.read() as session:
            return [(account, customer) for account, customer in await session.execute(linked)]

    async def _settle(self, group: Sequence[Due], failed: set[Event]) -> None:
        now = self._clock()
        async with self._database.write() as session:
            for due in group:
                again = not failed.isdisjoint(due.events) and due.tries <= len(PAUSES)
                due_at = now + timedelta(seconds=PAUSES[due.tries - 1]) if again else None
                await session.execute(sa.update(InboxRow).where(InboxRow.id == due.id).values(due_at=due_at))

    async def _purge(self, now: datetime) -> None:
        async with self._database.write() as session:
            await session.execute(
                sa.delete(InboxRow).where(InboxRow.due_at.is_(None), InboxRow.received_at < now - KEPT_FOR)
            )


async def _owners(office: Office, event: Event) -> frozenset[str]:
    webhook = office.connector.webhook
    return await webhook.owners(office.back_office, event) if webhook and webhook.owners else frozenset()


def _due(row: InboxRow) -> Due:
    events = msgspec.convert(row.events, tuple[Event, ...])
    return Due(row.id, row.source, events, row.received_at, row.tries)
