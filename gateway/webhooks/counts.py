"""What became of deliveries: counted in memory, and written down every two seconds.

So a flood of forgeries costs a few rows an hour, and all processes add to the same ones. What a process counted and
had not written when it was killed is lost: the inbox itself never waits here.
"""

from datetime import datetime, timedelta
from typing import Literal, cast

import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from connectors.errors import Refusal
from gateway.keeping import KeptFor, always
from gateway.records.database import Database
from gateway.records.upsert import insert
from gateway.records.webhook_tables import WebhookHour, WebhookTotal
from gateway.rounds import Rounds, Seldom

# "away": the database was, and the sender is asked to come again. "not_usable": the source's settings are not.
Outcome = Literal["taken", "away", "no_source", "not_usable", "too_large", Refusal]
WRITTEN_EVERY = 2.0  # seconds
PURGED_EVERY = timedelta(hours=1)
LONGEST_DETAIL = 300


class Count(Struct):
    times: int
    first_at: datetime
    last_at: datetime
    detail: str = ""  # of the last one

    def add(self, other: "Count") -> None:
        self.times += other.times
        self.first_at = min(self.first_at, other.first_at)
        self.detail = other.detail if other.last_at >= self.last_at else self.detail
        self.last_at = max(self.last_at, other.last_at)


Hour = tuple[str, Outcome, datetime]  # source, what became of it, and the hour's beginning


class WebhookCounts:
    """Counts from the moment it is made; `start` it to write, and `aclose` it to write the last."""

    def __init__(self, database: Database, now: Clock, *, kept_for: KeptFor | None = None) -> None:
        self._kept_for = kept_for or always("refused")
        self._database = database
        self._waiting: dict[Hour, Count] = {}
        self._rounds = Rounds("webhook counts", self._turn, every=WRITTEN_EVERY)
        self._purges = Seldom(self._purge, now, every=PURGED_EVERY)

    def note(self, source: str, outcome: Outcome, at: datetime, detail: str = "") -> bool:
        """Count one. Says whether it is the first of its kind since counts were written: worth a line in the log."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        return self._add((source, outcome, hour), Count(1, at, at, detail[:LONGEST_DETAIL]))

    async def start(self) -> None:
        await self._rounds.start()

    async def aclose(self) -> None:
        await self._rounds.finish(self.flush)

    async def flush(self) -> None:
        """Write what waits. It goes on waiting while the database is away, which raises `DatabaseDown`."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            await self._write(waiting)
        except BaseException:
            for hour, count in waiting.items():
                self._add(hour, count)
            raise

    def _add(self, hour: Hour, count: Count) -> bool:
        known = self._waiting.get(hour)
        if known:
            known.add(count)
        else:
            self._waiting[hour] = count
        return known is None

    async def _write(self, waiting: dict[Hour, Count]) -> None:
        """Add to the rows, in an order that is the same in every process: they lock each other's."""
        totals: dict[tuple[str, Outcome], Count] = {}
        for (source, outcome, _), count in waiting.items():
            known = totals.setdefault((source, outcome), Count(0, count.first_at, count.last_at))
            known.add(count)
        async with self._database.write() as session:
            total, hour = insert(session, WebhookTotal), insert(session, WebhookHour)
            rows = [
                {"source": source, "outcome": outcome, **_columns(totals[source, outcome])}
                for source, outcome in sorted(totals)
            ]
            since, until, new = WebhookTotal.first_at, WebhookTotal.last_at, total.excluded
            added = {  # another process may have written what is newer
                "times": WebhookTotal.times + new.times,
                "first_at": sa.case((since < new.first_at, since), else_=new.first_at),
                "last_at": sa.case((until > new.last_at, until), else_=new.last_at),
            }
            await session.execute(total.on_conflict_do_update(index_elements=["source", "outcome"], set_=added), rows)
            rows = [
                {"source": source, "outcome": outcome, "hour": at, **_of_hour(waiting[source, outcome, at])}
                for source, outcome, at in sorted(waiting)
            ]
            key = ["source", "outcome", "hour"]
            more = {
                "times": WebhookHour.times + hour.excluded.times,
                "last_at": hour.excluded.last_at,
                "detail": hour.excluded.detail,
            }
            await session.execute(hour.on_conflict_do_update(index_elements=key, set_=more), rows)

    async def _turn(self) -> None:
        await self.flush()
        await self._purges.turn()

    async def _purge(self, now: datetime) -> None:
        before = now - await self._kept_for()
        async with self._database.write() as session:
            await session.execute(sa.delete(WebhookHour).where(WebhookHour.hour < before))


def _of_hour(count: Count) -> dict[str, object]:
    return cast("dict[str, object]", {"times": count.times, "last_at": count.last_at, "detail": count.detail})


def _columns(count: Count) -> dict[str, object]:
    return cast("dict[str, object]", {"times": count.times, "first_at": count.first_at, "last_at": count.last_at})
