"""Webhooks as they come in: proven, written down, answered. What follows from them is `gateway.inbox`'s.

What arrives while a transaction is under way is written by the next one, all of it together: each sender is answered
when the transaction that holds its delivery is committed, and not before.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, cast

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from connectors.config import Config
from connectors.deliveries import Delivery, News, WebhookConfig
from connectors.errors import WebhookRefused
from gateway.offices import Office, Offices
from gateway.records.database import Database, DatabaseDown
from gateway.records.ids import new_id
from gateway.records.upsert import insert
from gateway.records.webhook_tables import InboxRow
from gateway.webhooks.counts import Outcome, WebhookCounts
from gateway.webhooks.raw import pack, secrets_of

BATCH = 500  # deliveries in one transaction
BREATH = 0.01  # seconds between two of them while many come
BOTH_COUNT = timedelta(days=1)  # secrets, after one was changed
LONGEST_ID = 255  # of a vendor's; its digest stands for a longer one

INBOX = cast("sa.Table", InboxRow.__table__)

log = structlog.get_logger()


class Waiting(Struct, frozen=True):
    """A row that is to be written, and who waits for it."""

    row: dict[str, Any]
    written: asyncio.Future[Outcome]


class Intake:
    """Takes deliveries. `taken` is told when some were, `aclose` waits for those under way."""

    def __init__(self, database: Database, offices: Offices, counts: WebhookCounts, taken: Callable[[], None]) -> None:
        self._database = database
        self._offices = offices
        self._counts = counts
        self._taken = taken
        self._waiting: list[Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def take(self, source: str, delivery: Delivery) -> int:
        """Write down what a delivery says, and give the status that its sender gets. A copy of one is taken once."""
        try:
            office = await self._offices.get(source)
        except DatabaseDown:
            return HTTPStatus.SERVICE_UNAVAILABLE
        outcome, detail = await self._outcome(office, delivery)
        is_news = self._counts.note(source if office else "", outcome, delivery.received_at, detail)
        if outcome == "taken":
            return HTTPStatus.OK
        if outcome == "away":
            return HTTPStatus.SERVICE_UNAVAILABLE
        if is_news:
            log.warning("webhook refused", source=source[:63], reason=outcome, detail=detail)
        webhook = office.connector.webhook if office else None
        return webhook.refused if webhook else HTTPStatus.UNAUTHORIZED

    async def note_too_large(self, source: str, at: datetime) -> None:
        """Count one that nobody read."""
        try:
            office = await self._offices.get(source)
        except DatabaseDown:
            return
        self._counts.note(source if office else "", "too_large", at)

    async def aclose(self) -> None:
        if self._writer:
            await self._writer

    async def _outcome(self, office: Office | None, delivery: Delivery) -> tuple[Outcome, str]:
        """Give what became of it, and why where it was refused."""
        webhook = office.connector.webhook if office else None
        if office is None or webhook is None:
            return "no_source", "no such source, or none that takes webhooks"
        if office.opened is None:
            return "not_usable", "the source's settings cannot be used"
        try:
            news = webhook.read(webhook.verify(delivery, _counting(office, office.opened.config, delivery.received_at)))
        except WebhookRefused as error:
            return error.reason, str(error)
        except Exception as error:  # noqa: BLE001  # of a connector that somebody wrote: a sender must not see it break
            return "unreadable", type(error).__name__
        news = replace(news, events=tuple(event for event in news.events if event.kind in office.connector.reads))
        if not news.events:
            return "taken", ""  # nobody here sees what it is about
        return await self._write_down(_row(office.name, news, delivery, secrets_of(office.opened.config))), ""

    async def _write_down(self, row: dict[str, Any]) -> Outcome:
        written: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(row, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            await self._settle(batch)
            self._taken()
            if len(batch) > 1:  # many are coming: the next transaction waits for more of them
                await asyncio.sleep(BREATH)

    async def _settle(self, batch: Sequence[Waiting]) -> None:
        """Write them together, and tell each who waits what came of it."""
        outcome: Outcome = "taken"
        try:
            await self._store([waiting.row for waiting in batch])
        except IntegrityError:  # a source has just been removed: whose?
            if len(batch) > 1:
                for waiting in batch:
                    await self._settle([waiting])
                return
            outcome = "no_source"
        except DatabaseDown:
            outcome = "away"
        except Exception as error:  # noqa: BLE001  # a bug of ours: who sent it comes again
            log.error("webhooks not taken", error=type(error).__name__)  # noqa: TRY400  # a trace shows values
            outcome = "away"
        for waiting in batch:
            if not waiting.written.done():  # its sender has gone
                waiting.written.set_result(outcome)

    async def _store(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert what is new. What has no id and says the same as one that waits is that one from now on."""
        named = [row for row in rows if row["pending"] is None]
        nameless = {(row["source"], row["pending"]): row for row in rows if row["pending"]}  # the last of each
        async with self._database.write() as session:
            if named:
                await session.execute(insert(session, INBOX).on_conflict_do_nothing(), named)
            if nameless:
                wanted = insert(session, INBOX)
                newer = wanted.on_conflict_do_update(
                    index_elements=["source", "pending"],
                    set_={"received_at": wanted.excluded.received_at, "raw": wanted.excluded.raw},
                    where=INBOX.c.received_at < wanted.excluded.received_at,
                )
                await session.execute(newer, [nameless[key] for key in sorted(nameless)])


def _counting(office: Office, config: Config, at: datetime) -> Config:
    """Leave out the secret before, where the time is over for which it counts beside the new one."""
    if office.rotated_at is None or at < office.rotated_at + BOTH_COUNT or not isinstance(config, WebhookConfig):
        return config
    return replace(config, webhook_secret_before=None)


def _row(source: str, news: News, delivery: Delivery, secrets: Sequence[str]) -> dict[str, Any]:
    events = msgspec.json.encode(news.events, order="deterministic")
    name = news.id
    if name and len(name) > LONGEST_ID:
        name = hashlib.sha256(name.encode()).hexdigest()
    at = delivery.received_at
    return {
        "id": new_id(),
        "source": source,
        "delivery": name,
        "pending": None if name else hashlib.sha256(events).digest(),
        "events": msgspec.json.decode(events),
        "received_at": at,
        "due_at": at,
        "tries": 0,
        "state": "waiting",
        "record": next((event.record.lower()[:LONGEST_ID] for event in news.events if event.record), None),
        "raw": pack(delivery, secrets),
    }
