"""Articles in SQL: what an origin has now replaces what it had, and what has not changed is left alone."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.help.article import Article
from gateway.help.words import LONGEST_TEXT, spellings_in, text_of
from gateway.records.database import Database
from gateway.records.help_tables import ArticleOrigin, ArticleRow, ArticleSubject

FOUND_BY = 2  # grows when articles are to be found by other words: those that have not changed are then written anew
DELETE = {
    "sqlite": "DELETE FROM article_index WHERE rowid = :id",
    "postgresql": "DELETE FROM article_index WHERE id = :id",
}
INSERT = {
    "sqlite": "INSERT INTO article_index (rowid, title, summary, body) VALUES (:id, :title, :summary, :body)",
    "postgresql": "INSERT INTO article_index (id, words) VALUES (:id, "
    "setweight(to_tsvector('simple', :title), 'A') || setweight(to_tsvector('simple', :summary), 'B') || "
    "setweight(to_tsvector('simple', :body), 'D'))",
}


async def put(database: Database, origin: str, articles: Sequence[Article], now: datetime) -> int:
    """Let an origin have these articles and no others. Says how many of them are new, changed or gone.

    Raises `DatabaseDown`.
    """
    wanted = {article.name: (article, _digest(article)) for article in articles}
    async with database.write() as session:
        told = await session.get(ArticleOrigin, origin, with_for_update=True)
        if told is None:
            session.add(ArticleOrigin(origin=origin, read_at=now))
        else:
            told.read_at = now
        await session.flush()
        query = sa.select(ArticleRow.id, ArticleRow.name, ArticleRow.digest).where(ArticleRow.origin == origin)
        known = {name: (id_, digest) for id_, name, digest in (await session.execute(query))}
        gone = [id_ for name, (id_, digest) in known.items() if name not in wanted or wanted[name][1] != digest]
        new = [pair for name, pair in wanted.items() if name not in known or known[name][1] != pair[1]]
        await _take_out(session, gone)
        await _put_in(session, origin, new)
    return len(new) + sum(name not in wanted for name in known)


async def drop_others(database: Database, origins: Sequence[str]) -> None:
    """Forget what is of none of these origins: a source that was removed, a folder that is no longer set."""
    async with database.read() as session:
        query = sa.select(ArticleOrigin.origin).where(ArticleOrigin.origin.not_in(origins))
        if not (await session.scalars(query)).all():
            return
    async with database.write() as session:
        ids = await session.scalars(sa.select(ArticleRow.id).where(ArticleRow.origin.not_in(origins)))
        await _take_out(session, ids.all())
        await session.execute(sa.delete(ArticleOrigin).where(ArticleOrigin.origin.not_in(origins)))


async def _take_out(session: AsyncSession, ids: Sequence[int]) -> None:
    if ids:
        rows = [{"id": id_} for id_ in ids]
        await session.execute(sa.text(DELETE[session.get_bind().dialect.name]), rows)
        await session.execute(sa.text("DELETE FROM article_subjects WHERE article_id = :id"), rows)
        await session.execute(sa.text("DELETE FROM articles WHERE id = :id"), rows)


async def _put_in(session: AsyncSession, origin: str, new: Sequence[tuple[Article, str]]) -> None:
    """Write many at once: a help desk may have thousands."""
    if not new:
        return
    found_by = {article.name: _found_by(article) for article, _ in new}
    rows = [
        {
            "name": article.name,
            "origin": origin,
            "title": article.title,
            "summary": article.summary,
            "language": article.language,
            "html": article.html,
            "words": " ".join(found_by[article.name].values()),
            "url": article.url,
            "changed_at": article.changed_at,
            "digest": digest,
        }
        for article, digest in new
    ]
    await session.execute(sa.insert(ArticleRow.__table__), rows)  # type: ignore[arg-type]  # a table
    query = sa.select(ArticleRow.name, ArticleRow.id).where(ArticleRow.origin == origin)
    ids = dict((await session.execute(query)).all())
    index = [{"id": ids[name], **texts} for name, texts in found_by.items()]
    await session.execute(sa.text(INSERT[session.get_bind().dialect.name]), index)
    about = [(article.name, subject) for article, _ in new for subject in article.subjects]
    if about:
        subjects = [{"article_id": ids[name], "subject": subject} for name, subject in about]
        await session.execute(sa.insert(ArticleSubject.__table__), subjects)  # type: ignore[arg-type]  # as above


def _found_by(article: Article) -> dict[str, str]:
    texts = {"title": article.title, "summary": article.summary, "body": text_of(article.html)}
    return {part: " ".join(spellings_in(text))[:LONGEST_TEXT] for part, text in texts.items()}


def _digest(article: Article) -> str:
    return sha256(msgspec.json.encode((FOUND_BY, article))).hexdigest()
