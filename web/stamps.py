"""Where a group of figures is from and how old it is: one stamp per source."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from gateway.account_view import Part

State = Literal["ontime", "late", "paused", "waiting", "down"]
WORSE: dict[str, int] = {"on_time": 0, "late": 1, "paused": 2, "waiting": 3, "down": 4}
STATES: dict[str, State] = {
    "on_time": "ontime",
    "late": "late",
    "paused": "paused",
    "waiting": "waiting",
    "down": "down",
}


class Stamp(Struct, frozen=True, kw_only=True):
    """`at` None: nothing is known of the source yet. `partly`: some of it is, of that age. `promise`: in seconds."""

    source: str
    title: str
    state: State
    at: datetime | None
    promise: float
    partly: bool = False


def stamps_of(parts: Iterable[Part]) -> list[Stamp]:
    """Say the worst of each source: its worst state and its oldest age."""
    by_source: dict[str, list[Part]] = {}
    for part in parts:
        by_source.setdefault(part.source, []).append(part)
    return [_stamp(group) for group in by_source.values()]


def _stamp(parts: list[Part]) -> Stamp:
    ages = [part.fetched_at for part in parts if part.fetched_at]
    return Stamp(
        source=parts[0].source,
        title=parts[0].title,
        state=STATES[max((part.state for part in parts), key=WORSE.__getitem__)],
        at=min(ages, default=None),
        partly=0 < len(ages) < len(parts),
        promise=max((part.promise for part in parts), default=timedelta()).total_seconds(),
    )
