"""What was viewed, finished and left, written down off the path of a request.

No content, no address and no third party: a name, a page of ours, whose account, and at the most a few figures.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.records.database import Database, DatabaseDown
from gateway.records.ids import new_id
from gateway.records.tables import UsageEvent

NAMES = frozenset({"viewed", "finished", "left"})
PAGES = frozenset(
    {
        *("account", "documents", "home", "invoice", "invoices", "order", "orders", "request", "requests", "search"),
        *("invoices-file", "orders-file", "tickets-file"),
    }
)
KEPT_FOR = timedelta(days=90)
PURGED_EVERY = timedelta(days=1)
WRITTEN_EVERY = 1.0  # seconds
BATCH = 500  # events in one transaction
ROOM = 10_000  # events that wait for a database that is away

EVENTS = cast("sa.Table", UsageEvent.__table__)  # rows go in without objects: there are many
# SQLite takes a batch as one JSON text. Row by row, its driver would hold up every page of the process at each.
BATCHED = sa.func.json_each(sa.bindparam("batch")).table_valued("value")
FROM_JSON = EVENTS.insert().from_select(
    list(EVENTS.c), sa.select(*[sa.func.json_extract(BATCHED.c.value, f"$.{column.name}") for column in EVENTS.c])
)

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Usage:
    """Collects events in memory and writes them once a second. `start` it, and `aclose` it to write the last ones."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now, room: int = ROOM) -> None:
        self._database = database
        self._now = now
        self._room = room
        self._waiting: deque[dict[str, Any]] = deque(maxlen=room)
        self._closing = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._purged_at = datetime.min.replace(tzinfo=UTC)
        self.dropped = 0
        self._told = 0

    def record(
        self,
        name: str,
        page: str,
        *,
        member_id: str | None = None,
        account_id: str | None = None,
        detail: Mapping[str, int] | None = None,
    ) -> None:
        """Note an event, at once and without fail. What is not on our lists is not noted: browsers send names too."""
        detail = dict(detail or {})
        if name not in NAMES or page not in PAGES or not all(isinstance(figure, int) for figure in detail.values()):
            return
        self.dropped += len(self._waiting) == self._room  # the oldest makes room
        self._waiting.append(
            {
                "id": new_id(),
                "at": self._now(),
                "name": name,
                "page": page,
                "member_id": member_id,
                "account_id": account_id,
                "detail": detail,
            }
        )

    async def start(self) -> None:
        self._writer = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        """Write what is left. What the database does not take now is lost."""
        self._closing.set()
        if self._writer is not None:
            await self._writer
        await self.flush()
        self.dropped += len(self._waiting)
        self._tell()

    async def flush(self) -> None:
        """Write all that waits. It goes on waiting while the database is away."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                async with self._database.write() as session:
                    if session.get_bind().dialect.name == "sqlite":
                        await session.execute(FROM_JSON, {"batch": _as_json(batch)})
                    else:
                        await session.execute(EVENTS.insert(), batch)
            except DatabaseDown:
                self._put_back(batch)
                return
            except SQLAlchemyError as error:
                self.dropped += len(batch)
                log.error("usage events refused", error=type(error).__name__)  # noqa: TRY400  # a trace shows values

    async def _run(self) -> None:
        while not self._closing.is_set():
            await self.flush()
            await self._purge_daily()
            self._tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITTEN_EVERY):
                    await self._closing.wait()

    def _tell(self) -> None:
        """Log what was dropped since the last time."""
        if self.dropped > self._told:
            log.warning("usage events dropped", count=self.dropped - self._told)
            self._told = self.dropped

    async def _purge_daily(self) -> None:
        now = self._now()
        if now - self._purged_at < PURGED_EVERY:
            return
        with suppress(DatabaseDown):  # then at the next turn
            async with self._database.write() as session:
                await session.execute(sa.delete(UsageEvent).where(UsageEvent.at < now - KEPT_FOR))
            self._purged_at = now

    def _put_back(self, batch: list[dict[str, Any]]) -> None:
        """Newer events may have come meanwhile; they stay."""
        room = self._room - len(self._waiting)
        kept = batch[max(len(batch) - room, 0) :]
        self.dropped += len(batch) - len(kept)
        self._waiting.extendleft(reversed(kept))


def _as_json(batch: list[dict[str, Any]]) -> str:
    """Write events with their instants as SQLAlchemy has them in SQLite."""
    rows = [{**event, "at": event["at"].astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")} for event in batch]
    return msgspec.json.encode(rows).decode()
