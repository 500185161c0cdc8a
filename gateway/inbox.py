"""What webhooks speak of is looked at again. `gateway.webhooks.intake` wrote them down.

An event is never believed, it only says where to look. So copies, disorder and losses change nothing: what is shown
is always what the back office answered after the event came.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct

from auth.clock import Clock
from connectors.deliveries import Event
from connectors.errors import ConnectorError, NotFound
from gateway.account_view import AccountViews
from gateway.keeping import KeptFor, always
from gateway.offices import Office, Offices
from gateway.records.database import Database, DatabaseDown
from gateway.records.tables import Link
from gateway.records.webhook_tables import InboxRow
from gateway.rounds import Rounds, Seldom

LEASE = timedelta(seconds=30)  # a process that died is succeeded after it
PAUSES = (1, 5, 30, 120, 600)  # seconds between tries to look again; after the last one the promises see to it
BATCH = 500
LONGEST_ERROR = 500
BREATH = 0.05  # seconds from one look to the next, so that at a high rate each finds many to do together
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


class End(Struct, frozen=True, kw_only=True):
    """What a try has come to."""

    state: Literal["waiting", "done", "dead"]
    due_at: datetime | None = None
    error: str | None = None
    ended_at: datetime | None = None


class Inbox:
    """Works on deliveries from `start` to `aclose`, beside the other processes that do."""

    def __init__(
        self,
        database: Database,
        offices: Offices,
        views: AccountViews,
        clock: Clock,
        *,
        kept_for: KeptFor | None = None,
    ) -> None:
        self._kept_for = kept_for or always("deliveries")
        self._database = database
        self._offices = offices
        self._views = views
        self._clock = clock
        self._rounds = Rounds("webhooks", self._turn, every=LOOK_EVERY)
        self._working: dict[str, asyncio.Task[None]] = {}  # by source
        self._paused: list[str] = []  # sources of which nothing is asked: what they tell waits
        self._purges = Seldom(self._purge, clock, every=PURGED_EVERY)

    def wake(self) -> None:
        """Look at once: something was taken."""
        self._rounds.wake()

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        """Stop. What is not finished is done by another process, or after the next start."""
        await self._rounds.stop()
        for task in self._working.values():
            task.cancel()
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _turn(self) -> None:
        """Begin to work on what is due, of each source by itself: one that is slow keeps no other waiting."""
        offices = await self._offices.all()
        self._paused = [name for name, office in offices.items() if office.paused_at is not None]
        found = await self._lease() if await self._is_any_due() else {}
        for source, group in found.items():
            task = asyncio.create_task(self._work_on(source, group))
            self._working[source] = task
            task.add_done_callback(partial(self._done, source))
        await self._purges.turn()
        if found:
            await asyncio.sleep(BREATH)

    def _done(self, source: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("webhooks not followed", source=source, error=type(error).__name__)
        del self._working[source]
        self._rounds.wake()

    async def _is_any_due(self) -> bool:
        """Look before taking: a look keeps nobody from writing."""
        due = sa.select(sa.literal(1)).where(*self._due(self._clock())).limit(1)
        async with self._database.read() as session:
            return await session.scalar(due) is not None

    def _due(self, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        return InboxRow.due_at <= now, InboxRow.source.not_in([*self._working, *self._paused])

    async def _lease(self) -> dict[str, list[Due]]:
        """Take what is due of sources that we are not at work on. What comes from now on is a row of its own."""
        now = self._clock()
        waiting = (
            sa.select(InboxRow.id)
            .where(*self._due(now))
            .order_by(InboxRow.due_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as session:
            rows = await session.scalars(
                sa.update(InboxRow)
                .where(InboxRow.id.in_(waiting.scalar_subquery()))
                .values(due_at=now + LEASE, tries=InboxRow.tries + 1, pending=None)
                .returning(InboxRow)
            )
            by_source: dict[str, list[Due]] = {}
            for row in rows:
                by_source.setdefault(row.source, []).append(_due(row))
        return by_source

    async def _work_on(self, source: str, group: Sequence[Due]) -> None:
        """Do each event of a source once, however many deliveries tell of it."""
        since: dict[Event, datetime] = {}
        for due in group:
            for event in due.events:
                since[event] = max(due.received_at, since.get(event, due.received_at))
        with suppress(DatabaseDown):  # then it is due again when its lease ends
            office = await self._offices.get(source)
            if office is not None:
                problems = await asyncio.gather(*(self._look_again(office, each, at) for each, at in since.items()))
                failed = {event: problem for event, problem in zip(since, problems, strict=True) if problem}
                await self._settle(group, failed)

    async def _look_again(self, office: Office, event: Event, since: datetime) -> str | None:
        """Say what went wrong, for staff. None: it is done."""
        try:
            customers = event.customers or await _owners(office, event)
            for account, customer in await self._linked(office, customers):
                await self._views.look_again(account, customer, event, office, since)
        except NotFound:
            return None  # it is gone, and the lists that hold it are renewed when their promise ends
        except ConnectorError as error:
            log.warning("webhook not followed yet", source=office.name, kind=event.kind, error=type(error).__name__)
            return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        except DatabaseDown:
            return "the database was away"
        except Exception as error:  # of ours, or of a connector that somebody wrote: the others' events go on
            log.exception("webhook not followed", source=office.name, kind=event.kind)
            return f"an error of Hallway’s own: {type(error).__name__}"
        return None

    async def _linked(self, office: Office, customers: Iterable[str]) -> list[tuple[str, str]]:
        """Name the accounts that are these customers, and which."""
        linked = sa.select(Link.account_id, Link.customer).where(
            Link.source == office.name, Link.customer.in_(sorted(customers))
        )
        async with self._database.read() as session:
            return [(account, customer) for account, customer in await session.execute(linked)]

    async def _settle(self, group: Sequence[Due], failed: Mapping[Event, str]) -> None:
        now = self._clock()
        by_end: dict[End, list[str]] = {}
        for due in group:
            problem = next((failed[event] for event in due.events if event in failed), None)
            by_end.setdefault(_end(due, problem, now), []).append(due.id)
        async with self._database.write() as session:
            for end, ids in by_end.items():
                await session.execute(
                    sa.update(InboxRow).where(InboxRow.id.in_(ids)).values(**msgspec.structs.asdict(end))
                )

    async def _purge(self, now: datetime) -> None:
        before = now - await self._kept_for()
        async with self._database.write() as session:
            await session.execute(sa.delete(InboxRow).where(InboxRow.due_at.is_(None), InboxRow.received_at < before))


async def _owners(office: Office, event: Event) -> frozenset[str]:
    webhook = office.connector.webhook
    return await webhook.owners(office.back_office, event) if webhook and webhook.owners else frozenset()


def _due(row: InboxRow) -> Due:
    events = msgspec.convert(row.events, tuple[Event, ...])
    since = max(row.received_at, row.replayed_at) if row.replayed_at else row.received_at
    return Due(row.id, row.source, events, since, row.tries)


def _end(due: Due, problem: str | None, now: datetime) -> End:
    if problem is None:
        return End(state="done", ended_at=now)
    if due.tries <= len(PAUSES):
        return End(state="waiting", due_at=now + timedelta(seconds=PAUSES[due.tries - 1]), error=problem)
    return End(state="dead", error=problem, ended_at=now)
