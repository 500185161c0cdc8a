"""Which records of two sources are the same thing. In doubt they are not: what is taken for the same may be hidden."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations
from typing import TypeVar

from connectors.records import Invoice, Order, Record
from gateway.agreement.facts import same_currency, same_day

R = TypeVar("R", bound=Record)

ENTRY = timedelta(days=31)  # that somebody may take to enter in one system what is in the other
TELLING = 6  # digits; every system that counts from 1 has shorter numbers of its own


def pairs(records: Iterable[R]) -> Iterator[tuple[R, R]]:
    """Find the pairs in one account's records of one kind: each the one of its number in its source.

    The source with the earlier name comes first.
    """
    for alike in by_number(records).values():
        for one, other in combinations(sorted(alike.values(), key=_source), 2):
            if is_same_thing(one, other):
                yield one, other


def by_number(records: Iterable[R]) -> Mapping[str, Mapping[str, R]]:
    """Sort by number and by source. A number that a source has given to two records is nobody's."""
    found: dict[str, dict[str, dict[str, R]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if number := plain_number(record.number):
            found[number][record.origin.source][record.origin.id] = record
    return {
        number: {source: its for source, theirs in sources.items() if len(theirs) == 1 for its in theirs.values()}
        for number, sources in found.items()
    }


def is_same_thing(one: Record, other: Record) -> bool:
    """Say whether two records, of one account, kind and number, are one thing: something besides has to speak for it.

    A number that says little needs the same day and the same currency; any other one of both. Nothing that is more
    than a month apart is the same: numbers begin anew. A currency that is not shown speaks against nothing.
    """
    match one, other:
        case Order(), Order():
            days = one.ordered_at and one.ordered_at.date(), other.ordered_at and other.ordered_at.date()
        case Invoice(), Invoice() if one.is_credit_note == other.is_credit_note:
            days = one.issued_on, other.issued_on
        case _:
            return False
    if _are_apart(*days):
        return False
    is_same_day = bool(days[0] and days[1] and same_day(days[0], days[1]))
    is_same_currency = one.total is None or other.total is None or same_currency(one.total, other.total)
    number = plain_number(one.number)
    if number.isdigit() and len(number) < TELLING:
        return is_same_day and is_same_currency
    return is_same_day or is_same_currency


def plain_number(text: str) -> str:
    """Write a number without spaces, and in small letters. Zeros count: "0012" and "12" may be two numbers."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _are_apart(one: date | None, other: date | None) -> bool:
    return bool(one and other and abs(one - other) > ENTRY)


def _source(record: Record) -> str:
    return record.origin.source
