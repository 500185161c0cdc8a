"""From the topics there are to those that a file asks for: first shown, then done."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.records.database import Database
from gateway.records.lines import By, Line, What
from gateway.records.topic_tables import TopicRow
from gateway.topics.file import defaults
from gateway.topics.topic import Named, Topic

Action = Literal["add", "change", "keep", "remove"]

DONE: dict[Action, What] = {"add": "topic.added", "change": "topic.changed", "remove": "topic.removed"}
OVERTAKEN = "somebody else changed the topics meanwhile, and nothing was applied: look at the changes again"


class TopicsChangedError(Exception):
    """Somebody else changed the topics after the changes were shown. Nothing was applied."""


class Change(Struct, frozen=True, kw_only=True):
    """What happens to one topic. `seen` is the row's `changed_at` when this was planned; None: there was no row."""

    name: str
    action: Action
    details: tuple[str, ...] = ()
    topic: Topic | None = None
    place: int = 0
    seen: datetime | None = None


async def topics(db: Database) -> tuple[Named, ...]:
    """Give the topics in their order: those that staff defined, or the usual ones. Raises `DatabaseDown`."""
    async with db.read() as session:
        rows = (await session.scalars(sa.select(TopicRow).order_by(TopicRow.place))).all()
    return tuple(Named(row.name, msgspec.convert(row.topic, Topic)) for row in rows) or defaults()


async def stamps(db: Database) -> dict[str, str]:
    """Say of each topic that staff defined when it was changed, for who changes it on a page."""
    async with db.read() as session:
        rows = (await session.execute(sa.select(TopicRow.name, TopicRow.changed_at))).all()
    return {name: changed_at.isoformat() for name, changed_at in rows}


async def put(db: Database, wanted: Named, now: datetime, *, trail: Trail, by: By, seen: str) -> None:
    """Define one topic, new or anew; the others stay. `seen` is its stamp, or nothing.

    Raises `TopicsChangedError` where its stamp is another by now.
    """
    known = await topics(db)
    is_new = all(each.name != wanted.name for each in known)
    others = tuple(wanted if each.name == wanted.name else each for each in known)
    changes = await plan(db, (*others, wanted) if is_new else others)
    stamp = next(each.seen for each in changes if each.name == wanted.name)
    if seen != (stamp.isoformat() if stamp else ""):
        raise TopicsChangedError(OVERTAKEN)
    await apply(db, changes, now, trail=trail, by=by)


async def plan(db: Database, wanted: Sequence[Named]) -> tuple[Change, ...]:
    """Compare. A topic that is not wanted is removed."""
    async with db.read() as session:
        rows = {row.name: row for row in await session.scalars(sa.select(TopicRow).order_by(TopicRow.place))}
    changes = [_compared(rows.get(each.name), each, place) for place, each in enumerate(wanted)]
    kept = {each.name for each in wanted}
    gone = (row for row in rows.values() if row.name not in kept)
    return (*changes, *(Change(name=row.name, action="remove", seen=row.changed_at) for row in gone))


async def apply(db: Database, changes: Sequence[Change], now: datetime, *, trail: Trail, by: By) -> None:
    """Do it: all of it, or nothing. Raises `TopicsChangedError`."""
    try:
        async with db.write() as session:
            lines = [await _do(session, each, now, by) for each in changes if each.action != "keep"]
            await session.flush()
            await trail.record(session, *lines)
    except IntegrityError as error:  # two added the same topic at the same moment
        raise TopicsChangedError(OVERTAKEN) from error


async def _do(session: AsyncSession, change: Change, now: datetime, by: By) -> Line:
    row = await session.get(TopicRow, change.name, with_for_update=True)
    if (row.changed_at if row else None) != change.seen:
        raise TopicsChangedError(OVERTAKEN)
    details: dict[str, Any] = {"before": {"place": row.place, **row.topic}} if row else {}
    if change.topic is None:
        await session.delete(row)
    else:
        stored = _stored(change.topic)
        await session.merge(TopicRow(name=change.name, place=change.place, topic=stored, changed_at=now))
        details["after"] = {"place": change.place, **stored}
    return Line(what=DONE[change.action], by=by, about=f"topic/{change.name}", details=details, owner=by.who)


def _compared(row: TopicRow | None, wanted: Named, place: int) -> Change:
    new = {"place": place, **_stored(wanted.topic)}
    if row is None:
        details: tuple[str, ...] = (f"label: {_shown(wanted.topic.label)}",)
        return Change(name=wanted.name, action="add", details=details, topic=wanted.topic, place=place)
    details = tuple(_differences({"place": row.place, **row.topic}, new))
    action: Action = "change" if details else "keep"
    return Change(
        name=wanted.name, action=action, details=details, topic=wanted.topic, place=place, seen=row.changed_at
    )


def _stored(topic: Topic) -> dict[str, Any]:
    """Give it as the column gives it back: a list is no tuple there."""
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(topic))
    return stored


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            yield key if key == "fields" else f"{key}: {_shown(old.get(key))} -> {_shown(new.get(key))}"


def _shown(value: object) -> str:
    """Quoted, so that an odd value cannot move the cursor of a terminal."""
    return "(not set)" if value is None else json.dumps(value)
