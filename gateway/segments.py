"""What staff publish of what customers see: for everybody, and for segments of customers something else.

The first segment in order whose rule holds is a customer's; who is in none is everybody else. What a system knows of a
customer decides it, as it was last read. Where that is not known, every segment that it may be stays possible, and only
what all of those show is shown.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache, reduce
from typing import Any, Literal, get_args

import msgspec
import structlog
from msgspec import Struct

from cache.same import Same
from gateway.shown import CAREFUL, EVERYTHING, Shown, stored_shown, stricter

EVERYBODY = ""  # the name of what holds for who is in no segment
TRUSTED = timedelta(days=1)  # so long what a system said of a customer is known
KEPT = 32  # documents that stay read

How = Literal["is", "is_not", "one_of", "contains", "more_than"]
HOWS: tuple[How, ...] = get_args(How)
log = structlog.get_logger()


class Known(Struct, frozen=True):
    """What a system said of a customer: of each property that it has and was asked for its values, maybe none."""

    values: Mapping[str, tuple[str, ...]]
    read_at: datetime


Facts = Mapping[str, tuple[Known | None, ...]]  # source -> of each customer there that the account is; None: not known


class Rule(Struct, frozen=True, kw_only=True):
    """What is asked of a customer. `values`: several for "one_of", else one."""

    source: str
    property: str
    how: How
    values: tuple[str, ...]

    def holds(self, facts: Facts, now: datetime) -> bool | None:
        """Say whether it does. None: nobody knows, as the system has not told, or told it too long ago."""
        its = facts.get(self.source, ())
        found: list[str] = []
        for known in its:
            if known is None or now - known.read_at > TRUSTED or self.property not in known.values:
                return None
            found += known.values[self.property]
        return self._fits([each.strip().casefold() for each in found]) if its else None

    def _fits(self, found: list[str]) -> bool:
        wanted = [each.strip().casefold() for each in self.values]
        match self.how:
            case "is" | "one_of":
                return any(each in wanted for each in found)
            case "is_not":
                return not any(each in wanted for each in found)
            case "contains":
                return any(part in each for each in found for part in wanted)
            case "more_than":
                least = number_of(wanted[0]) if wanted else None
                return any(
                    number is not None and least is not None and number > least for number in map(number_of, found)
                )


class Notice(Struct, frozen=True, kw_only=True):
    """A line on the first page, with a way to a topic. It stands from the day `first` to the day `last`."""

    text: str
    topic: str | None = None
    first: date | None = None
    last: date | None = None

    def stands(self, today: date) -> bool:
        return (self.first or date.min) <= today <= (self.last or date.max)


class Seen(Struct, frozen=True, kw_only=True):
    """What some customers see. `topics`: the names of those that they may choose; None: all."""

    shown: Shown = EVERYTHING
    topics: tuple[str, ...] | None = None
    notice: Notice | None = None


class Segment(Struct, frozen=True, kw_only=True):
    """Customers who see something else. `name` stays, `title` is what staff call it."""

    name: str
    title: str
    rule: Rule
    seen: Seen


class Policy(Struct, frozen=True, kw_only=True):
    """All that is published. `segments` in their order."""

    everybody: Seen = Seen()
    segments: tuple[Segment, ...] = ()

    def names_for(self, facts: Facts, now: datetime) -> tuple[str, ...]:
        """Name the segments that a customer may be in, as far as anybody knows. One: it is that one."""
        possible: list[str] = []
        for segment in self.segments:
            holds = segment.rule.holds(facts, now)
            if holds is not False:
                possible.append(segment.name)
            if holds:
                return tuple(possible)
        return (*possible, EVERYBODY)

    def seen_by(self, names: tuple[str, ...]) -> Seen:
        """Give what is seen by who may be in any of these. Who may be in one that there is not may be in any."""
        return _seen(Same(self), names)

    def get(self, name: str) -> Segment | None:
        return next((each for each in self.segments if each.name == name), None)

    @property
    def asked(self) -> Mapping[str, frozenset[str]]:
        """Name the properties that are asked for, by source."""
        sources = {each.rule.source for each in self.segments}
        return {
            source: frozenset(each.rule.property for each in self.segments if each.rule.source == source)
            for source in sources
        }


EVERYTHING_TO_ALL = Policy()
CAREFUL_POLICY = Policy(everybody=Seen(shown=CAREFUL, topics=()))


@lru_cache(maxsize=KEPT)
def _seen(policy: Same[Policy], names: tuple[str, ...]) -> Seen:
    every = {EVERYBODY: policy.it.everybody} | {each.name: each.seen for each in policy.it.segments}
    possible = [every[name] for name in names] if names and every.keys() >= set(names) else list(every.values())
    return possible[0] if len(possible) == 1 else reduce(_both, possible)


def _both(one: Seen, other: Seen) -> Seen:
    """Show and offer what both do. A notice is for those of whom it is known that it is for them."""
    topics = one.topics if other.topics is None else other.topics
    if one.topics is not None and other.topics is not None:
        topics = tuple(each for each in one.topics if each in other.topics)
    return Seen(shown=stricter(one.shown, other.shown), topics=topics)


@lru_cache(maxsize=KEPT)
def read_policy(stored: str | None) -> Policy:
    """Read what `stored_policy` wrote: the same document gives the very same policy.

    Without a word of staff's everything is shown; what cannot be read shows little.
    """
    if stored is None:
        return EVERYTHING_TO_ALL
    try:
        return msgspec.json.decode(stored, type=Policy)
    except msgspec.DecodeError:
        log.exception("what customers see is not readable")
        return CAREFUL_POLICY


def stored_policy(policy: Policy) -> str:
    """Give it as a column keeps it: two documents that say the same are the same text."""
    document = {"everybody": _stored(policy.everybody), "segments": list(map(told_of, policy.segments))}
    return msgspec.json.encode(document, order="deterministic").decode()


def told_of(segment: Segment) -> dict[str, Any]:
    """Give a segment in plain types."""
    rule = msgspec.to_builtins(segment.rule)
    return {"name": segment.name, "title": segment.title, "rule": rule, "seen": _stored(segment.seen)}


def _stored(seen: Seen) -> dict[str, Any]:
    topics = None if seen.topics is None else sorted(seen.topics)
    return {"shown": stored_shown(seen.shown), "topics": topics, "notice": msgspec.to_builtins(seen.notice)}


def number_of(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(" ", "").replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def is_sure(names: Iterable[str]) -> bool:
    return len(tuple(names)) == 1
