"""Finding articles: by words, and by what they are about. Any text is a question; none is an error."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.help.article import TOPIC
from gateway.help.words import told, without_ending, words_in
from gateway.languages import language
from gateway.records.database import Database
from gateway.records.help_tables import ArticleOrigin, ArticleRow, ArticleSubject

MOST_WORDS = 12  # of a question; a customer's letter has more, and its beginning says what it is about
CANDIDATES = 30  # of each distance of language: see `_distance`
SHORTEST = 3  # letters of a word that suggests something
MATCHING = {
    "sqlite": "SELECT rowid AS id, bm25(article_index, 10.0, 4.0, 1.0) AS place "
    "FROM article_index WHERE article_index MATCH :asked",
    "postgresql": "SELECT id, -ts_rank(words, asked) AS place "
    "FROM article_index, to_tsquery('simple', :asked) AS asked WHERE words @@ asked",
}


class Found(Struct, frozen=True, kw_only=True):
    """An article as a list names it."""

    id: int
    name: str
    title: str
    summary: str
    language: str | None


class Opened(Struct, frozen=True, kw_only=True):
    """An article whole. `html` has not been cleaned. `read_at` is when we last had it from its origin."""

    name: str
    origin: str
    title: str
    language: str | None
    html: str
    url: str | None
    changed_at: datetime | None
    read_at: datetime | None


async def has_articles(database: Database) -> bool:
    async with database.read() as session:
        return await session.scalar(sa.select(ArticleRow.id).limit(1)) is not None


async def article(database: Database, name: str) -> Opened | None:
    query = (
        sa.select(ArticleRow, ArticleOrigin.read_at)
        .outerjoin(ArticleOrigin, ArticleOrigin.origin == ArticleRow.origin)
        .where(ArticleRow.name == name)
    )
    async with database.read() as session:
        found = (await session.execute(query)).first()
    if found is None:
        return None
    row, read_at = found
    return Opened(
        name=row.name,
        origin=row.origin,
        title=row.title,
        language=row.language,
        html=row.html,
        url=row.url,
        changed_at=row.changed_at,
        read_at=read_at,
    )


async def listed(database: Database, page: int, size: int) -> tuple[tuple[Found, ...], int]:
    """Give a page of all articles by language and title, and how many there are. `page` counts from 1."""
    query = _brief().order_by(_distance(), sa.func.lower(ArticleRow.title), ArticleRow.id)
    query = query.offset((page - 1) * size).limit(size)
    async with database.read() as session:
        found = tuple(_found(row) for row in await session.execute(query))
        return found, await session.scalar(sa.select(sa.func.count(ArticleRow.id))) or 0


async def search(database: Database, question: str, most: int = 20) -> tuple[Found, ...]:
    """Find articles, the best first: those that have all words, else those that have half of what is told at least.

    The beginning of a word is enough; where nothing is found, an ending of the plural is left out. Of articles that
    have as many of the words, those in the reader's language come first.
    """
    words = list(dict.fromkeys(words_in(question)))[:MOST_WORDS]
    async with database.read() as session:
        ids = await _found_by(session, words)
        if not ids:
            ids = await _found_by(session, [without_ending(word) for word in told(words)])
        return await _in_order(session, ids[:most])


async def fitting(database: Database, subjects: Sequence[str], text: str = "", *, most: int = 3) -> tuple[Found, ...]:
    """Find what may answer somebody, in their language first: what fits their words, then what is about the same."""
    words = [word for word in told(words_in(text)) if len(word) >= SHORTEST or word.isdigit()]
    points: dict[int, float] = {}
    async with database.read() as session:
        if words:
            near = await _near(session, list(dict.fromkeys(words))[:MOST_WORDS])
            points = {id_: 4 - place / len(near) for place, id_ in enumerate(near)}
        about = (
            sa.select(ArticleSubject.article_id, ArticleSubject.subject)
            .join(ArticleRow, ArticleRow.id == ArticleSubject.article_id)
            .where(ArticleSubject.subject.in_(subjects))
            .order_by(_distance(), sa.func.length(ArticleSubject.subject).desc(), ArticleSubject.article_id)
            .limit(200)
        )
        for id_, subject in (await session.execute(about)) if subjects else ():
            points[id_] = points.get(id_, 0) + (2 if subject.startswith(TOPIC) or "/" in subject else 1)
        distances = await session.execute(sa.select(ArticleRow.id, _distance()).where(ArticleRow.id.in_(points)))
        best = sorted(distances, key=lambda row: (row[1], -points[row[0]], row[0]))[:most]
        return await _in_order(session, [id_ for id_, _ in best])


async def _found_by(session: AsyncSession, words: Sequence[str]) -> list[int]:
    return await _matching(session, words, " AND ", " & ") or await _near(session, told(list(words)))


async def _matching(session: AsyncSession, words: Sequence[str], sqlite: str, postgresql: str) -> list[int]:
    """Give the ids of articles with words that begin like this, in the reader's language first.

    Of each distance there are so many at most, so that one leaves room for the others. A word has letters and digits
    only: see `words_in`.
    """
    if not words:
        return []
    kind = session.get_bind().dialect.name
    asked = sqlite.join(f'"{word}"*' for word in words)
    if kind == "postgresql":
        asked = postgresql.join(f"'{word}':*" for word in words)
    hits = sa.text(MATCHING[kind]).columns(id=sa.Integer, place=sa.Float).subquery("hits")
    within = sa.func.row_number().over(partition_by=_distance(), order_by=(hits.c.place, hits.c.id))
    each = (
        sa.select(hits.c.id, _distance().label("distance"), within.label("number"))
        .join(ArticleRow, ArticleRow.id == hits.c.id)
        .subquery("each")
    )
    query = sa.select(each.c.id).where(each.c.number <= CANDIDATES).order_by(each.c.distance, each.c.number)
    return list(await session.scalars(query, {"asked": asked}))


async def _near(session: AsyncSession, words: Sequence[str]) -> list[int]:
    """Give the ids of articles that have half of the words at least."""
    ids = await _matching(session, words, " OR ", " | ")
    rows = await session.execute(sa.select(ArticleRow.id, ArticleRow.words).where(ArticleRow.id.in_(ids)))
    texts = {id_: f" {text}" for id_, text in rows}
    share = {id_: sum(f" {word}" in texts.get(id_, "") for word in words) for id_ in ids}
    near = [id_ for id_ in ids if share[id_] * 2 >= len(words)]
    return sorted(near, key=lambda id_: -share[id_])  # what is equal stays in its order


async def _in_order(session: AsyncSession, ids: Iterable[int]) -> tuple[Found, ...]:
    wanted = list(ids)
    rows = await session.execute(_brief().where(ArticleRow.id.in_(wanted))) if wanted else ()
    found = {each.id: each for each in map(_found, rows)}
    return tuple(found[id_] for id_ in wanted if id_ in found)


def _distance() -> sa.Case[int]:
    """Say how far an article's language is from the reader's: 0 is their own, 1 not told, 2 another."""
    own = language().partition("-")[0].lower()
    told_as = sa.func.replace(sa.func.lower(ArticleRow.language), "_", "-") + "-"
    return sa.case((ArticleRow.language.is_(None), 1), (told_as.startswith(f"{own}-"), 0), else_=2)


def _brief() -> sa.Select[int, str, str, str, str | None]:
    return sa.select(ArticleRow.id, ArticleRow.name, ArticleRow.title, ArticleRow.summary, ArticleRow.language)


def _found(row: sa.Row[int, str, str, str, str | None]) -> Found:
    id_, name, title, summary, language = row
    return Found(id=id_, name=name, title=title, summary=summary, language=language)
