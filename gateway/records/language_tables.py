"""What staff have said in other languages: a book for each, and the phrases in it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class PhraseBook(Base):
    """One language. Its version grows with every change, and whoever changes it holds on to this row."""

    __tablename__ = "phrase_books"

    language: Mapped[str] = mapped_column(String(20), primary_key=True)
    version: Mapped[int]


class PhraseRow(Base):
    """What staff wrote, and how they say it in that language. `key` is of the original: another text is another one."""

    __tablename__ = "phrases"

    language: Mapped[str] = mapped_column(ForeignKey("phrase_books.language", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    original: Mapped[str] = mapped_column(Text)
    said: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]
