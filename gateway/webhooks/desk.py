"""What back offices told us, for staff: found, looked at, and done once more. Who was refused is only counted.

A replay asks the back office again, as the delivery did when it came: it believes nothing of the delivery, takes no
copy for a new one, and nobody waits longer for it. So it can do no harm, however often it is done.
"""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import undefer

from connectors.deliveries import Event
from gateway.audit import Trail
from gateway.finding import PAGE, Batch, Found, Wanted, fits, page_of
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.tables import Source
from gateway.records.webhook_tables import InboxRow, WebhookHour
from gateway.webhooks.raw import Raw, read

State = Literal["waiting", "done", "dead"]
ENDED: Final[tuple[State, ...]] = ("done", "dead")  # what can be done once more
MOST_REPLAYED: Final = 5_000  # at once, the latest of them
HOUR: Final = timedelta(hours=1)


class NoDelivery(Exception):  # noqa: N818  # says what is
    """There is no such delivery, or there is none any more."""


class Told(Struct, frozen=True, kw_only=True):
    """One delivery. `theirs` is the vendor's id for it; `error` what the last try came to; `size` is in bytes."""

    id: str
    source: str
    theirs: str | None
    events: tuple[Event, ...]
    state: State
    received_at: datetime
    due_at: datetime | None
    tries: int
    error: str | None
    ended_at: datetime | None
    replayed_at: datetime | None


class Refused(Struct, frozen=True, kw_only=True):
    """Those of one hour that were refused for one reason. `detail` is what was said of the last one."""

    source: str
    reason: str
    hour: datetime
    times: int
    last_at: datetime | None
    detail: str


async def find(db: Database, wanted: Wanted, page: int, *, size: int = PAGE) -> Found[Told]:
    """Find deliveries. Pages count from 1. Raises `DatabaseDown`."""
    async with db.read() as session:
        shown, count = await page_of(session, InboxRow.id, _fits(wanted), page, size)
        rows = await session.scalars(sa.select(InboxRow).where(InboxRow.id.in_(shown)).order_by(InboxRow.id.desc()))
        return Found(tuple(map(_told, rows)), count)


async def one(db: Database, id_: str) -> Told:
    """Raises `NoDelivery` and `DatabaseDown`."""
    async with db.read() as session:
        row = await session.get(InboxRow, id_)
    if row is None:
        raise NoDelivery
    return _told(row)


async def look_at(db: Database, *, trail: Trail, by: By, id_: str) -> tuple[Told, Raw | None]:
    """Give also what it said, and tell the trail who has read it. None: it was not kept. Raises `NoDelivery`."""
    async with db.write() as session:
        row = await session.get(InboxRow, id_, options=[undefer(InboxRow.raw)])
        if row is None:
            raise NoDelivery
        await trail.record(session, _line("delivery.looked_up", by, f"delivery/{id_}", {"source": row.source}))
        return _told(row), read(row.raw) if row.raw else None


async def replayable(db: Database, wanted: Wanted) -> Batch:
    """Say what a replay would do now. Raises `DatabaseDown`."""
    its = sa.select(sa.func.count(InboxRow.id), sa.func.max(InboxRow.id)).where(*_fits(wanted), _is_ended())
    async with db.read() as session:
        many, upto = (await session.execute(its)).one()
    return Batch(min(many, MOST_REPLAYED), upto or "")


async def replay(db: Database, *, trail: Trail, by: By, wanted: Wanted, upto: str, now: datetime) -> int:
    """Have them done once more, and say how many they are. What waits already is left alone. Raises `DatabaseDown`."""
    these = (*_fits(wanted), _is_ended(), InboxRow.id <= upto)
    ids = sa.select(InboxRow.id).where(*these).order_by(InboxRow.id.desc()).limit(MOST_REPLAYED)
    again = {"state": "waiting", "due_at": now, "tries": 0, "error": None, "ended_at": None, "replayed_at": now}
    async with db.write() as session:
        done = await session.scalars(
            sa.update(InboxRow)
            .where(InboxRow.id.in_(ids.scalar_subquery()), _is_ended())
            .values(**again)
            .returning(InboxRow.id)
        )
        many = len(done.all())
        if many:
            about = f"delivery/{wanted.id}" if wanted.id else (f"source/{wanted.source}" if wanted.source else "inbox")
            details = {"many": many, **_said(wanted)}
            await trail.record(session, _line("delivery.replayed", by, about, details))
    return many


async def count_dead(db: Database) -> dict[str, int]:
    """Say of each source how many were given up. Raises `DatabaseDown`."""
    dead = sa.select(InboxRow.source, sa.func.count(InboxRow.id)).where(InboxRow.state == "dead")
    async with db.read() as session:
        rows = await session.execute(dead.group_by(InboxRow.source))
        return {row[0]: row[1] for row in rows}


async def refused(db: Database, wanted: Wanted, reason: str, page: int, *, size: int = PAGE) -> Found[Refused]:
    """Find hours in which deliveries were refused. Raises `DatabaseDown`."""
    those: list[sa.ColumnElement[bool]] = [WebhookHour.outcome.not_in(["taken", "away"])]
    if reason:
        those.append(WebhookHour.outcome == reason)
    if wanted.source:
        those.append(WebhookHour.source == wanted.source)
    if wanted.since:
        those.append(WebhookHour.hour > wanted.since - HOUR)
    if wanted.until:
        those.append(WebhookHour.hour < wanted.until)
    rows = sa.select(WebhookHour).where(*those).limit(size).offset((page - 1) * size)
    rows = rows.order_by(WebhookHour.hour.desc(), WebhookHour.source, WebhookHour.outcome)
    async with db.read() as session:
        count = await session.scalar(sa.select(sa.func.count()).select_from(WebhookHour).where(*those)) or 0
        return Found(tuple(map(_refused, await session.scalars(rows))), count)


def _fits(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Words are its id over there, or the first record that it names."""
    found = fits(wanted, InboxRow.id, InboxRow.state, InboxRow.source)
    if wanted.words:
        by_id = sa.select(InboxRow.id).where(
            InboxRow.source.in_(sa.select(Source.name)), InboxRow.delivery == wanted.words
        )
        by_record = sa.select(InboxRow.id).where(InboxRow.record == wanted.words.lower())
        found.append(InboxRow.id.in_(sa.union(by_id, by_record)))
    return found


def _is_ended() -> sa.ColumnElement[bool]:
    return InboxRow.state.in_(ENDED)


def _said(wanted: Wanted) -> dict[str, str]:
    """What a range was named by. Words may be somebody's: they are left out."""
    given = {
        "source": wanted.source,
        "state": wanted.state,
        "since": wanted.since.isoformat() if wanted.since else "",
        "until": wanted.until.isoformat() if wanted.until else "",
    }
    return {name: value for name, value in given.items() if value}


def _line(what: What, by: By, about: str, details: dict[str, Any]) -> Line:
    """It is about no customer: where it was done from is the own of who did it."""
    return Line(what=what, by=by, about=about, details=details, owner=by.who if by.address else None)


def _told(row: InboxRow) -> Told:
    state: State = row.state  # type: ignore[assignment]  # as it was written
    return Told(
        id=row.id,
        source=row.source,
        theirs=row.delivery,
        events=msgspec.convert(row.events, tuple[Event, ...]),
        state=state,
        received_at=row.received_at,
        due_at=row.due_at,
        tries=row.tries,
        error=row.error,
        ended_at=row.ended_at,
        replayed_at=row.replayed_at,
    )


def _refused(row: WebhookHour) -> Refused:
    return Refused(
        source=row.source,
        reason=row.outcome,
        hour=row.hour,
        times=row.times,
        last_at=row.last_at,
        detail=row.detail or "",
    )
