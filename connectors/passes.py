"""Following changes a pass at a time, where a change to any of several tables is one of the record.

A pass goes by id through all that has changed since a time. Ids never change: whatever is edited meanwhile, no row is
lost where a page ends, and none comes round for ever, however many were changed at once. What changes during a pass
is the next one's.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import msgspec
from msgspec import Struct

from connectors.contract import ChangesQuery
from connectors.decode import decode_json

SECOND = timedelta(seconds=1)


class Pass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a pass is, in their times alone: of their records, and of their answers.

    It tells what has changed at `since` or later and has an id above `after`. The next pass begins with `until`.
    """

    since: datetime
    after: int = 0
    until: datetime | None = None
    newest: datetime | None = None  # the latest change that there was when the pass began
    seen: datetime | None = None  # when that one was seen first

    def begun(self, newest: datetime | None, now: datetime | None, lag: timedelta) -> "Pass":
        """Note where the next pass has to begin. What shows later than it was written does so within `lag`.

        So once the latest change has been the latest for as long, all up to it has been told, and is told no more.
        """
        if newest is None:
            return self
        seen = self.seen if newest == self.newest else now
        settled = seen is not None and now is not None and now - seen > lag + 2 * SECOND  # two cut-off fractions
        until = newest + SECOND if settled else newest - lag
        return msgspec.structs.replace(self, newest=newest, seen=seen, until=max(until, self.since))

    def cursor(self, *, after: int | None) -> str:
        """Write where to go on: behind an id, or, with None, with the next pass."""
        if after is None:
            place = Pass(since=self.until or self.since, newest=self.newest, seen=self.seen)
        else:
            place = msgspec.structs.replace(self, after=after)
        return msgspec.json.encode(place).decode()


def place_of(query: ChangesQuery) -> Pass:
    if query.cursor is None:
        return Pass(since=query.since.astimezone(UTC))
    return decode_json(query.cursor.encode(), Pass, "the cursor of a feed")


def clock_of(response: httpx.Response) -> datetime | None:
    """Read when an answer was given, by the clock over there. None where it does not say."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None
