"""What staff say of messages: which events there are, how members hear of each unless they choose, and what is said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.occasions import EVENTS, EventName
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.mail_tables import BookRow, MessageRules
from gateway.records.upsert import insert

ONE = "portal"  # the row's name
Way = Literal["at_once", "daily", "none"]
WAYS: tuple[Way, ...] = ("at_once", "daily", "none")
MOST_DAYS = 60


class RulesChanged(Exception):  # noqa: N818  # says what is the matter
    """Somebody else has changed them since they were looked at."""


class Choice(Struct, frozen=True, kw_only=True):
    """How somebody hears of an event."""

    mail: Way = "at_once"
    inbox: bool = True


AT_FIRST: Mapping[EventName, Choice] = {"order_moved": Choice(mail="none")}  # until staff say otherwise


class Rules(Struct, frozen=True, kw_only=True):
    """`off` are events that nobody hears of, `usual` is for those who have not chosen.

    `days`: how long before a bill is due that is said, None: it is not. `amounts` and `bodies`: mails hold what is to
    pay, and what we answered. Hours are in the business's zone.
    """

    off: frozenset[EventName] = frozenset()
    usual: Mapping[EventName, Choice] = {}
    days: int = 3
    amounts: bool = False
    bodies: bool = False
    quiet_from: int = 0
    quiet_until: int = 0
    daily_at: int = 8

    def choice(self, event: EventName) -> Choice:
        return self.usual.get(event) or AT_FIRST.get(event, Choice())

    @property
    def days_before(self) -> int | None:
        return None if "invoice_due" in self.off else self.days


class Written(Struct, frozen=True):
    """Rules with their version. 0: nobody has changed them yet."""

    version: int
    rules: Rules


async def read_rules(session: AsyncSession) -> Written:
    row = await session.get(MessageRules, ONE)
    return Written(row.version, msgspec.convert(row.rules, Rules)) if row else Written(0, Rules())


async def rules_of(db: Database) -> Written:
    """Raises `DatabaseDown`."""
    async with db.read() as session:
        return await read_rules(session)


async def save_rules(db: Database, rules: Rules, *, seen: int, trail: Trail, by: By, now: datetime) -> None:
    """Let them count from now on. Raises `RulesChanged` where `seen` is past."""
    first = {"name": ONE, "version": 0, "rules": msgspec.to_builtins(Rules()), "changed_at": now}
    async with db.write() as session:
        await session.execute(insert(session, MessageRules).values(**first).on_conflict_do_nothing())
        row = await session.get_one(MessageRules, ONE, with_for_update=True)
        if row.version != seen:
            raise RulesChanged
        before = msgspec.convert(row.rules, Rules)
        row.version, row.rules, row.changed_at = seen + 1, msgspec.to_builtins(rules), now
        if before.days_before != rules.days_before:  # each list says when it is to be looked at next, by the old days
            past = sa.update(BookRow).where(BookRow.due_on.is_not(None)).values(due_on=now.date().min)
            await session.execute(past)
        details = {"version": row.version, "changed": _differing(before, rules)}
        line = Line(what="messages.ruled", by=by, about="messages", details=details, owner=by.who)
        await trail.record(session, line)


def _differing(before: Rules, after: Rules) -> list[str]:
    """Name what is other than it was: settings by their names, and events."""
    names = [name for name in Rules.__struct_fields__ if name not in {"off", "usual"}]
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    events = [
        event
        for event in EVENTS
        if (event in before.off, before.choice(event)) != (event in after.off, after.choice(event))
    ]
    return [*changed, *events]
