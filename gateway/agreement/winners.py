"""Which source counts, by the rules of the sources file, and which records a list then leaves out."""

from collections.abc import Iterable, Mapping
from itertools import permutations

from connectors.records import Record
from gateway.agreement.facts import FACTS, Kind, compare
from gateway.agreement.pairs import by_number, is_same_thing

Rules = Mapping[str, tuple[str, ...]]  # "orders.total" -> sources, the one that counts first
Place = tuple[str, str]  # source, id


def winner(rules: Rules, fact: str, one: str, other: str) -> str | None:
    """Name the source that counts. None: no rule names both."""
    named = [source for source in rules.get(fact, ()) if source in {one, other}]
    return named[0] if len(set(named)) > 1 else None


def left_out(kind: Kind, records: Iterable[Record], rules: Rules) -> Mapping[Place, Record]:
    """Say in place of which records of one account others are shown.

    A record gives way only to one that is among `records` and is itself shown, and that counts in everything in which
    the two differ. Where nobody has decided that, or not for one and the same source, both are shown.
    """
    if not any(f"{kind}.{field}" in rules for field in FACTS[kind]):
        return {}  # as nearly everywhere, and at once
    instead: dict[Place, Record] = {}
    for alike in by_number(records).values():
        shown: set[str] = set()
        hidden: set[str] = set()
        for one, other in permutations(sorted(alike), 2):
            if one in hidden or other in shown or other in hidden:
                continue
            if is_same_thing(alike[one], alike[other]) and _counts(kind, alike[one], alike[other], rules):
                shown.add(one)
                hidden.add(other)
                instead[place_of(alike[other])] = alike[one]
    return instead


def place_of(record: Record) -> Place:
    return record.origin.source, record.origin.id


def _counts(kind: Kind, one: Record, other: Record, rules: Rules) -> bool:
    """Whether `one` counts, and not `other`, in all that they differ in; or before it if they do not differ."""
    sources = one.origin.source, other.origin.source
    differing = [f"{kind}.{compared.field}" for compared in compare(one, other) if not compared.agrees]
    if differing:
        return {winner(rules, fact, *sources) for fact in differing} == {sources[0]}
    winners = (winner(rules, f"{kind}.{field}", *sources) for field in FACTS[kind])
    return next(filter(None, winners), None) == sources[0]
