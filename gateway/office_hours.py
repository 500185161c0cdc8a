"""When the business is there: `Mon-Fri 8:00-17:00, Sat 9:00-12:00`. All times are those of its own zone.

Days on which nobody is there come after: `closed 2026-12-24 to 2026-12-26, closed 2027-01-01`.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from babel.dates import get_day_names
from msgspec import Struct

from gateway.languages import ENGLISH, language, locale

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = re.compile(rf"\b(?:{'|'.join(DAYS)})\b", re.IGNORECASE)
PART = re.compile(
    r"(?P<first>[A-Za-z]{3})(?:\s*[-–]\s*(?P<last>[A-Za-z]{3}))?\s+"
    r"(?P<opens>\d{1,2}(?::\d{2})?)\s*[-–]\s*(?P<closes>\d{1,2}(?::\d{2})?)"
)
CLOSED = re.compile(r"closed\s+(?P<first>\d{4}-\d{2}-\d{2})(?:\s+to\s+(?P<last>\d{4}-\d{2}-\d{2}))?", re.IGNORECASE)
MINUTES = 24 * 60
WRONG = "must be days and times such as Mon-Fri 8:00-17:00, Sat 9:00-12:00"
WRONG_DAYS = "must name closed days such as closed 2026-12-24 to 2026-12-26, closed 2027-01-01"
FAR = 370  # days; nobody promises anything for later
MOST_CLOSED = 200  # days in all


class Span(Struct, frozen=True, order=True):
    """A time of one weekday, from 0 for Monday. Both ends are minutes after midnight."""

    day: int
    opens: int
    closes: int


class OfficeHours(Struct, frozen=True):
    """`text` is how people read a usual week. There is one span at least, and none overlaps another.

    `closed` are days on which nobody is there, whatever the week says.
    """

    text: str
    spans: tuple[Span, ...]
    closed: frozenset[date] = frozenset()
    written: str = ""

    def __str__(self) -> str:
        return self.written or self.text

    @property
    def said(self) -> str:
        """The usual week, as whoever reads this names its days."""
        if language() == ENGLISH:
            return self.text
        names = get_day_names("abbreviated", context="stand-alone", locale=locale())
        return DAY.sub(lambda found: names[DAYS.index(found[0].title())].rstrip("."), self.text)

    def is_open(self, at: datetime) -> bool:
        return any(opens <= at < closes for opens, closes in self._from(at))

    def opens_on(self, day: date) -> bool:
        """Whether anybody is there at any time of that day."""
        return day not in self.closed and any(span.day == day.weekday() for span in self.spans)

    def opens_next(self, at: datetime) -> datetime:
        """Say when it is open, from `at` on: at once, if it is."""
        return max(next(self._from(at), (at, at))[0], at)

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
            day = at.date() + timedelta(days=days)
            for span in self.spans if day not in self.closed else ():
                midnight = datetime.combine(day, time(), at.tzinfo)
                closes = midnight + timedelta(minutes=span.closes)
                if span.day == day.weekday() and closes > at:
                    yield midnight + timedelta(minutes=span.opens), closes


def parse(text: str) -> OfficeHours:
    """Read hours as staff write them. Raises `ValueError`, which says how."""
    spans: list[Span] = []
    closed: set[date] = set()
    week: list[str] = []
    for part in text.split(","):
        if part.strip().casefold().startswith("closed"):
            closed |= _closed(part.strip())
            continue
        week.append(" ".join(part.split()))
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
    if not spans or len(closed) > MOST_CLOSED:
        raise ValueError(f"{WRONG_DAYS}, {MOST_CLOSED} days at most" if spans else WRONG)
    usual = re.sub(r"\s*-\s*", "–", ", ".join(week))
    return OfficeHours(usual, tuple(spans), frozenset(closed), " ".join(text.split()) if closed else "")


def _closed(text: str) -> set[date]:
    found = CLOSED.fullmatch(text)
    try:
        first = date.fromisoformat(found["first"]) if found else None
        last = date.fromisoformat(found["last"]) if found and found["last"] else first
    except ValueError:
        first = last = None
    if first is None or last is None or not 0 <= (last - first).days < MOST_CLOSED:
        raise ValueError(WRONG_DAYS)
    return {first + timedelta(days=days) for days in range((last - first).days + 1)}


def _day(text: str) -> int:
    if text.title() not in DAYS:
        raise ValueError(WRONG)
    return DAYS.index(text.title())


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if int(minutes or 0) >= 60:  # noqa: PLR2004
        raise ValueError(WRONG)
    return int(hours) * 60 + int(minutes or 0)
