"""When the business is there: `Mon-Fri 8:00-17:00, Sat 9:00-12:00`. All times are those of its own zone."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import pairwise

from msgspec import Struct

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PART = re.compile(
    r"(?P<first>[A-Za-z]{3})(?:\s*[-–]\s*(?P<last>[A-Za-z]{3}))?\s+"
    r"(?P<opens>\d{1,2}(?::\d{2})?)\s*[-–]\s*(?P<closes>\d{1,2}(?::\d{2})?)"
)
MINUTES = 24 * 60
WRONG = "must be days and times such as Mon-Fri 8:00-17:00, Sat 9:00-12:00"
FAR = 370  # days; nobody promises anything for later


class Span(Struct, frozen=True, order=True):
    """A time of one weekday, from 0 for Monday. Both ends are minutes after midnight."""

    day: int
    opens: int
    closes: int


class OfficeHours(Struct, frozen=True):
    """`text` is how people read them. There is one span at least, and none overlaps another."""

    text: str
    spans: tuple[Span, ...]

    def __str__(self) -> str:
        return self.text

    def is_open(self, at: datetime) -> bool:
        return any(opens <= at < closes for opens, closes in self._from(at))

    def opens_next(self, at: datetime) -> datetime:
        """Say when it is open, from `at` on: at once, if it is."""
        return max(next(self._from(at))[0], at)

    def after(self, at: datetime, hours: int) -> datetime:
        """Say when so many hours of being there have passed."""
        left = timedelta(hours=hours)
        for opens, closes in self._from(at):
            there = closes - max(opens, at)
            if there >= left:
                return max(opens, at) + left
            left -= there
        raise ValueError(f"{hours} hours are longer than a year here")

    def _from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give each time of being there that has not ended by `at`."""
        for days in range(FAR):
            date = at.date() + timedelta(days=days)
            for span in self.spans:
                midnight = datetime.combine(date, time(), at.tzinfo)
                closes = midnight + timedelta(minutes=span.closes)
                if span.day == date.weekday() and closes > at:
                    yield midnight + timedelta(minutes=span.opens), closes


def parse(text: str) -> OfficeHours:
    """Read hours as staff write them. Raises `ValueError`, which says how."""
    spans: list[Span] = []
    for part in text.split(","):
        found = PART.fullmatch(part.strip())
        if not found:
            raise ValueError(WRONG)
        first, last = _day(found["first"]), _day(found["last"] or found["first"])
        opens, closes = _minutes(found["opens"]), _minutes(found["closes"])
        if last < first or not opens < closes <= MINUTES:
            raise ValueError(WRONG)
        spans += (Span(day, opens, closes) for day in range(first, last + 1))
    spans.sort()
    if any(one.day == other.day and other.opens < one.closes for one, other in pairwise(spans)):
        raise ValueError(f"{WRONG}; two of these overlap")
    return OfficeHours(re.sub(r"\s*-\s*", "–", " ".join(text.split())), tuple(spans))


def _day(text: str) -> int:
    if text.title() not in DAYS:
        raise ValueError(WRONG)
    return DAYS.index(text.title())


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if int(minutes or 0) >= 60:  # noqa: PLR2004
        raise ValueError(WRONG)
    return int(hours) * 60 + int(minutes or 0)
