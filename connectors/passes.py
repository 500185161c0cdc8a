"""Following changes a pass at a time, where a change to any of several tables is one of the record.

A pass goes by id through all that has changed since a time. Ids never change: whatever is edited meanwhile, no row is
lost where a page ends, and none comes round for ever, however many were changed at once. What changes during a pass
is the next one's.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta, Struct

from connectors.contract import ChangesQuery
from connectors.decode import decode_json
from connectors.errors import BadResponse

Instant = Annotated[datetime, Meta(tz=True)]
SECOND = timedelta(seconds=1)


class Pass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a pass is, in their times alone: of their records, and of their answers.

    It tells what has changed at `since` or later and has an id above `after`. The next pass begins with `until`.
    """

    since: Instant
    after: int = 0
    until: Instant | None = None
    newest: Instant | None = None  # the latest change that there was when the pass began
    seen: Instant | None = None  # when that one was seen first

    def begun(self, newest: datetime | None, now: datetime | None, lag: timedelta) -> "Pass":
        """Note where the next pass has to begin. What shows later than it was written does so within `lag`.

        So once the latest change has been the latest for as long, all up to it has been told, and is told no more.
        One that is dated ahead of their clock hides nothing that comes before it.
        """
        if newest is None:
            return self
        newest = min(newest, now or newest)
        seen = self.seen if newest == self.newest else now
        settled = seen is not None and now is not None and now - seen > lag + 2 * SECOND  # two cut-off fractions
        try:
            until = max(newest + SECOND if settled else newest - lag, self.since)
        except OverflowError:
            raise BadResponse("a change at the end of all time") from None
        return msgspec.structs.replace(self, newest=newest, seen=seen, until=until)

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
    except (ValueError, OverflowError):
        return None
