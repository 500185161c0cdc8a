"""Following a list of changes by the instant and the id of the last one, where a vendor has no cursor of its own.

A look begins where the one before has ended, and goes on page by page, the oldest change first: rows after the place,
in the order of (changed at, id). No offset is counted, so what changes meanwhile moves no row out of reach.

A row may turn up as much as a feed's `lag` after the instant that it was changed at. So when there is no more, the next
look begins `lag` before the end. The end of a look of many pages is ahead of what its first page could know: there,
`newest` keeps the latest change that there was at its beginning, and the next look begins `lag` before that.
"""

import re
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from connectors.contract import ChangesQuery
from connectors.errors import BadResponse

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**63 - 1

_CURSOR = re.compile(r"([0-9T:.Z-]{20,27})/(0|[1-9][0-9]{0,18})(?:/([0-9T:.Z-]{20,27}))?", re.ASCII)


class Place(Struct, frozen=True):
    """Behind the record `after` of those that were changed at the instant `at`, in UTC. With 0, before all of them."""

    at: datetime
    after: int = 0
    newest: datetime | None = None  # in the midst of a look: the latest change when it began

    @property
    def cursor(self) -> str:
        newest = f"/{_text(self.newest)}" if self.newest else ""
        return f"{_text(self.at)}/{self.after}{newest}"

    def behind(self, at: datetime, after: int = 0) -> "Place":
        """Give a place further on in the same look."""
        return replace(self, at=_at_least(at, EARLIEST), after=after)

    def at_rest(self, last: datetime | None, lag: timedelta) -> "Place":
        """Give the place where the next look begins. `last` is the latest change on this last page, if any."""
        if last is None and self.newest is None:
            return self
        reached = last or self.at
        return Place(_at_least(min(reached, self.newest or reached), EARLIEST + lag) - lag)


def place_of(query: ChangesQuery) -> Place:
    """Say where a page begins. Raises `BadResponse` for a cursor that is none of ours."""
    return Place(_at_least(query.since, EARLIEST)) if query.cursor is None else read_place(query.cursor)


def read_place(cursor: str) -> Place:
    match = _CURSOR.fullmatch(cursor)
    if match is None or int(match[2]) > LARGEST:
        raise BadResponse("not a cursor of this feed's")
    return Place(_instant(match[1]), int(match[2]), _instant(match[3]) if match[3] else None)


def _at_least(at: datetime, bound: datetime) -> datetime:
    """Take an instant for the bound where it is before it: nothing was changed then, and less can't be subtracted."""
    return max(at, bound).astimezone(UTC)


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadResponse("not a cursor of this feed's") from None
