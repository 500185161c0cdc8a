"""What is asked of a long list, and the part of the answer that all lists share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from gateway.records.ids import first_id

PAGE = 50
MOST_COUNTED = 1000  # of what was searched for: more is "more than"

T = TypeVar("T")
Id = TypeVar("Id", str, int)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows: all that is given has to fit. What `words` are looked for in is the list's to say."""

    state: str = ""
    source: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    id: str = ""


class Found(Struct, Generic[T], frozen=True):
    """One page of what was found, the latest first, and how much that is in all. `is_more`: more than was counted."""

    found: tuple[T, ...]
    count: int
    is_more: bool = False


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


class Stretch(NamedTuple):
    """Where the rows of a page are: so many behind so many others, counted from the end if that is nearer."""

    offset: int
    limit: int
    from_end: bool


def stretch(count: int, page: int, size: int) -> Stretch:
    """Say where a page is among `count` rows. A database walks over all rows before it: from the end they are fewer."""
    begin = min((page - 1) * size, count)
    end = min(begin + size, count)
    if begin <= count - end:
        return Stretch(begin, end - begin, from_end=False)
    return Stretch(count - end, end - begin, from_end=True)


async def page_of(
    session: AsyncSession,
    id_: InstrumentedAttribute[Id],
    these: Sequence[sa.ColumnElement[bool]],
    page: int,
    size: int,
) -> tuple[list[Id], int]:
    """Give the ids of a page, the latest first, and how many fit in all. Pages count from 1."""
    count = await session.scalar(sa.select(sa.func.count(id_)).where(*these)) or 0
    offset, limit, from_end = stretch(count, page, size)
    ids = sa.select(id_).where(*these).order_by(id_ if from_end else id_.desc()).limit(limit).offset(offset)
    found = list(await session.scalars(ids)) if limit else []
    return (found[::-1] if from_end else found), count


async def some_of(session: AsyncSession, ids: sa.Select[Id], page: int, size: int) -> Found[Id]:
    """Give a page of what is searched for, and count it no further than is of use. Pages count from 1.

    Where words are looked for, the rows themselves have to be read: so they are once, and no longer than enough fit.
    """
    begin = (page - 1) * size
    skipped = begin if begin + size > MOST_COUNTED else 0
    most = size if skipped else max(size, MOST_COUNTED)
    rows = (await session.scalars(ids.limit(most + 1).offset(skipped))).all()
    found = tuple(rows[begin - skipped :][:size])
    if skipped and not rows:  # nobody links to there
        return Found((), 0)
    return Found(found, skipped + min(len(rows), most), is_more=len(rows) > most)


def pattern_of(words: str) -> str:
    """Find them anywhere in small letters, with "/" as what escapes."""
    escaped = words.lower().replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%"
