"""What is asked of a long list, and the part of the answer that all lists share."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import InstrumentedAttribute

from gateway.records.ids import first_id

PAGE = 50


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows: all that is given has to fit. What `words` are looked for in is the list's to say."""

    state: str = ""
    source: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    id: str = ""


class Batch(Struct, frozen=True):
    """What would be done at once: so `many` rows, with no id behind `upto`."""

    many: int
    upto: str


def fits(
    wanted: Wanted,
    id_: InstrumentedAttribute[str],
    state: InstrumentedAttribute[str],
    source: InstrumentedAttribute[str],
) -> list[sa.ColumnElement[bool]]:
    """Give the conditions, without the words. An id tells its age, so the time needs no index of its own."""
    found: list[sa.ColumnElement[bool]] = []
    if wanted.id:
        found.append(id_ == wanted.id)
    if wanted.state:
        found.append(state == wanted.state)
    if wanted.source:
        found.append(source == wanted.source)
    if wanted.since:
        found.append(id_ >= first_id(wanted.since))
    if wanted.until:
        found.append(id_ < first_id(wanted.until))
    return found
