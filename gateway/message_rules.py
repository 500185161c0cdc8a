"""What staff say of messages: which events there are, how members hear of each unless they choose, and what is said.

A segment of customers may have it otherwise. Whoever is told, or reads what they were told, has the rules `within` the
segments of their account: `Rules.within` alone decides what holds there.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import reduce
from typing import Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Trail
from gateway.occasions import EVENTS, EventName
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.mail_tables import BookRow, MessageRules
from gateway.records.upsert import insert
from gateway.segments import EVERYBODY
from gateway.sorting import sort

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


class Otherwise(Struct, frozen=True, kw_only=True):
    """What holds for a segment instead. Events that are not in `told`, and None: as for everybody."""

    told: Mapping[EventName, bool] = {}
    amounts: bool | None = None
    bodies: bool | None = None


AS_EVERYBODY = Otherwise()


class Rules(Struct, frozen=True, kw_only=True):
    """`off` are events that nobody hears of, `usual` is for those who have not chosen.

    `days`: how long before a bill is due that is said, None: it is not. `amounts` and `bodies`: mails hold what is to
    pay, and what we answered. Hours are in the business's zone. `segments`: what is otherwise there, by their names.
    """

    off: frozenset[EventName] = frozenset()
    usual: Mapping[EventName, Choice] = {}
    days: int = 3
    amounts: bool = False
    bodies: bool = False
    quiet_from: int = 0
    quiet_until: int = 0
    daily_at: int = 8
    segments: Mapping[str, Otherwise] = {}

    def within(self, segments: Collection[str]) -> "Rules":
        """Give what holds for an account that may be in any of these: the strictest. Of none: in any."""
        if not self.segments:
            return self
        return reduce(_stricter, map(self._of, segments or (EVERYBODY, *self.segments)))

    def _of(self, segment: str) -> "Rules":
        own = self.segments.get(segment, AS_EVERYBODY)
        return replace(
            self,
            off=frozenset(event for event in EVENTS if not own.told.get(event, event not in self.off)),
            amounts=self.amounts if own.amounts is None else own.amounts,
            bodies=self.bodies if own.bodies is None else own.bodies,
            segments={},
        )

    def choice(self, event: EventName) -> Choice:
        return self.usual.get(event) or AT_FIRST.get(event, Choice())

    @property
    def days_before(self) -> int | None:
        """How long before a bill is due anybody is told. None: nobody is."""
        is_told = "invoice_due" not in self.off or any(own.told.get("invoice_due") for own in self.segments.values())
        return self.days if is_told else None


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


async def within_accounts(session: AsyncSession, rules: Rules, accounts: Collection[str]) -> dict[str, Rules]:
    """Give what holds within some accounts, by the segments that they may be in now."""
    if not rules.segments:
        return dict.fromkeys(accounts, rules)
    _, segments = await sort(session, accounts)
    return {account: rules.within(names) for account, names in segments.items()}


def loosest(some: Collection[Rules]) -> Rules | None:
    """Give what holds in any of them. None: there are none."""
    return reduce(_looser, some) if some else None


async def save_rules(db: Database, rules: Rules, *, seen: int, trail: Trail, by: By, now: datetime) -> None:
    """Let them count from now on. Raises `RulesChanged` where `seen` is past."""
    first = {"name": ONE, "version": 0, "rules": msgspec.to_builtins(Rules()), "changed_at": now}
    async with db.write() as session:
        await session.execute(insert(session, MessageRules).values(**first).on_conflict_do_nothing())
        row = await session.get_one(MessageRules, ONE, with_for_update=True)
        if row.version != seen:
            raise RulesChanged
        await trail.record(session, await _put(session, row, rules, by=by, now=now))


async def forget_segments(session: AsyncSession, known: Collection[str], *, by: By, now: datetime) -> list[Line]:
    """Drop what is otherwise in segments that there are no more: it would count for who may be in any.

    Gives the lines that are to be written to the trail.
    """
    row = await session.get(MessageRules, ONE, with_for_update=True)
    rules = msgspec.convert(row.rules, Rules) if row else Rules()
    kept = {name: own for name, own in rules.segments.items() if name in known}
    if row is None or len(kept) == len(rules.segments):
        return []
    return [await _put(session, row, replace(rules, segments=kept), by=by, now=now)]


async def _put(session: AsyncSession, row: MessageRules, rules: Rules, *, by: By, now: datetime) -> Line:
    before = msgspec.convert(row.rules, Rules)
    row.version, row.rules, row.changed_at = row.version + 1, msgspec.to_builtins(rules), now
    if before.days_before != rules.days_before:  # each list says when it is to be looked at next, by the old days
        past = sa.update(BookRow).where(BookRow.due_on.is_not(None)).values(due_on=now.date().min)
        await session.execute(past)
    details = {"version": row.version, "changed": _differing(before, rules)}
    return Line(what="messages.ruled", by=by, about="messages", details=details, owner=by.who)


def _differing(before: Rules, after: Rules) -> list[str]:
    """Name what is other than it was: settings by their names, events, and segments."""
    names = [name for name in Rules.__struct_fields__ if name not in {"off", "usual", "segments"}]
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    events = [
        event
        for event in EVENTS
        if (event in before.off, before.choice(event)) != (event in after.off, after.choice(event))
    ]
    segments = [
        f"segment {name}"
        for name in sorted(before.segments.keys() | after.segments.keys())
        if before.segments.get(name, AS_EVERYBODY) != after.segments.get(name, AS_EVERYBODY)
    ]
    return [*changed, *events, *segments]


def _stricter(one: Rules, other: Rules) -> Rules:
    """Tell what both tell, and show in mails what both show."""
    return replace(
        one, off=one.off | other.off, amounts=one.amounts and other.amounts, bodies=one.bodies and other.bodies
    )


def _looser(one: Rules, other: Rules) -> Rules:
    return replace(
        one, off=one.off & other.off, amounts=one.amounts or other.amounts, bodies=one.bodies or other.bodies
    )
