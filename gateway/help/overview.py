"""What staff see of help: what was searched for and led to nothing, and what customers say of each article."""

import sqlalchemy as sa
from msgspec import Struct

from gateway.finding import stretch
from gateway.records.database import Database
from gateway.records.help_tables import ArticleAnswer, ArticleOrigin, ArticleRow, HelpWords


class Searched(Struct, frozen=True, kw_only=True):
    """A search, over the days that are kept. `empty` and `unanswered` are of its `times`."""

    words: str
    times: int
    empty: int
    unanswered: int


class Rated(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    origin: str
    yes: int
    no: int


async def searches(
    database: Database, *, failed: bool = True, page: int = 1, size: int = 50
) -> tuple[tuple[Searched, ...], int]:
    """Give a page of the searches, those that failed most first, and how many there are. `page` counts from 1."""
    query = sa.select(HelpWords.words, HelpWords.times, HelpWords.empty, HelpWords.unanswered)
    counted = sa.select(sa.func.count()).select_from(HelpWords)
    if failed:
        query, counted = query.where(HelpWords.failed > 0), counted.where(HelpWords.failed > 0)
    forward = (HelpWords.failed.desc(), HelpWords.times.desc(), HelpWords.words)
    backward = (HelpWords.failed, HelpWords.times, HelpWords.words.desc())
    async with database.read() as session:
        count = await session.scalar(counted) or 0
        offset, limit, from_end = stretch(count, page, size)
        rows = await session.execute(query.order_by(*(backward if from_end else forward)).offset(offset).limit(limit))
        found = [
            Searched(words=words, times=times, empty=empty, unanswered=unanswered)
            for words, times, empty, unanswered in rows
        ]
    return tuple(found[::-1] if from_end else found), count


async def rated(database: Database, page: int = 1, size: int = 50) -> tuple[tuple[Rated, ...], int]:
    """Give a page of the articles, those first that answer least, and how many there are."""
    yes, no = sa.func.coalesce(ArticleAnswer.yes, 0), sa.func.coalesce(ArticleAnswer.no, 0)
    query = (
        sa.select(ArticleRow.name, ArticleRow.title, ArticleRow.origin, yes, no)
        .outerjoin(ArticleAnswer, ArticleAnswer.name == ArticleRow.name)
        .order_by((no - yes).desc(), ArticleRow.title, ArticleRow.id)
        .offset((page - 1) * size)
        .limit(size)
    )
    async with database.read() as session:
        rows = await session.execute(query)
        found = tuple(
            Rated(name=name, title=title, origin=origin, yes=yes, no=no) for name, title, origin, yes, no in rows
        )
        return found, await session.scalar(sa.select(sa.func.count(ArticleRow.id))) or 0


async def origins(database: Database) -> dict[str, int]:
    """Say how many articles each origin has that was read."""
    query = (
        sa.select(ArticleOrigin.origin, sa.func.count(ArticleRow.id))
        .outerjoin(ArticleRow, ArticleRow.origin == ArticleOrigin.origin)
        .group_by(ArticleOrigin.origin)
    )
    async with database.read() as session:
        return dict((await session.execute(query)).all())
