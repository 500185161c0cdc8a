"""The rows of what staff say about statuses, version by version and in a draft, and of what customers see at all."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class StatusVersion(Base):
    """A dictionary that was published, whole, as `gateway.wording` has it. The one with the highest number counts."""

    __tablename__ = "status_versions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    words: Mapped[dict[str, Any]]
    is_quiet: Mapped[bool]  # what it changes is no news: no mail tells of it
    restored: Mapped[int | None]  # the version that it is once more
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))


class StatusDraft(Base):
    """What staff are writing. There is one, and it stays when nothing is being written: its version only grows."""

    __tablename__ = "status_draft"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    words: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # None: nothing is being written
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class Visibility(Base):
    """What customers see, as `gateway.shown` has it. There is one row at the most; without it they see everything."""

    __tablename__ = "visibility"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    shown: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))
