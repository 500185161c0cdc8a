"""The rows of help: articles, what they are about, what customers made of them, and what was searched for.

What finds an article by its words is the table `article_index`, which each database has in its own way: no class
here stands for it. Its id is the article's.
"""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class ArticleRow(Base):
    """An article. `origin` is the source that it is from, "" the folder."""

    __tablename__ = "articles"
    __table_args__ = (Index("ix_articles_name", "name", unique=True), Index("ix_articles_origin", "origin"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(160))  # what its address says
    origin: Mapped[str] = mapped_column(String(63))
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(String(20))
    html: Mapped[str] = mapped_column(Text)  # as written: cleaned where it is shown
    words: Mapped[str] = mapped_column(Text)  # what it is found by
    url: Mapped[str | None] = mapped_column(Text)  # where it is from
    changed_at: Mapped[datetime | None]  # by their clock
    digest: Mapped[str] = mapped_column(String(64))


class ArticleSubject(Base):
    """What an article is about: "topic:delivery", "orders" or "orders/delayed"."""

    __tablename__ = "article_subjects"
    __table_args__ = (Index("ix_article_subjects_subject", "subject"),)

    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(80), primary_key=True)


class ArticleOrigin(Base):
    """When the articles of an origin were last read as a whole."""

    __tablename__ = "article_origins"

    origin: Mapped[str] = mapped_column(String(63), primary_key=True)
    read_at: Mapped[datetime]


class ArticleAnswer(Base):
    """How often an article answered somebody's question, or not. It outlives the article, which may come back."""

    __tablename__ = "article_answers"

    name: Mapped[str] = mapped_column(String(160), primary_key=True)
    yes: Mapped[int]
    no: Mapped[int]


class HelpSearch(Base):
    """What was searched for on a day, by whomever, and how often that led to nothing."""

    __tablename__ = "help_searches"
    __table_args__ = (Index("ix_help_searches_day", "day"),)

    words: Mapped[str] = mapped_column(String(100), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    times: Mapped[int]
    empty: Mapped[int]  # of these nothing was found
    unanswered: Mapped[int]  # and these led to an article that did not answer it


class HelpWords(Base):
    """A search, added up over the days that are kept. Triggers write it, whatever becomes of these."""

    __tablename__ = "help_words"
    __table_args__ = (Index("ix_help_words_failed", "failed", "times", "words", "empty", "unanswered"),)

    words: Mapped[str] = mapped_column(String(100), primary_key=True)
    days: Mapped[int]
    times: Mapped[int]
    empty: Mapped[int]
    unanswered: Mapped[int]
    failed: Mapped[int]  # of the last two together
