"""The rows of what staff say about statuses and of what customers see, version by version and in a draft."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, String, Text
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


class VisibilityVersion(Base):
    """What customers see, whole, as `gateway.segments` writes it. The one with the highest number counts."""

    __tablename__ = "visibility_versions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(Text)
    restored: Mapped[int | None]  # the version that it is once more
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))


class VisibilityDraft(Base):
    """What staff are writing of it. There is one, as there is of statuses."""

    __tablename__ = "visibility_draft"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    document: Mapped[str | None] = mapped_column(Text)  # None: nothing is being written
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class CustomerFacts(Base):
    """What a system said of a customer there: property -> values, to sort them by, and who looks after them."""

    __tablename__ = "customer_facts"
    __table_args__ = (
        ForeignKeyConstraint(["source", "customer"], ["links.source", "links.customer"], ondelete="CASCADE"),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(primary_key=True)
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # None: it has told nothing yet
    read_at: Mapped[datetime | None]  # when it told
    counterpart: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # None: nobody
    counterpart_at: Mapped[datetime | None]  # when it told that
    asked: Mapped[str] = mapped_column(Text)  # what it was asked for
    tried_at: Mapped[datetime]
