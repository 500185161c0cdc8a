"""The rows of what staff say about statuses and of what customers see, version by version and in a draft."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base

BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")  # whatever the language that the database sorts by


class VersionRow(Base):
    """A version of what is published whole. The one with the highest number counts."""

    __abstract__ = True
    if TYPE_CHECKING:
        content: Mapped[Any]

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    restored: Mapped[int | None]  # the version that it is once more
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))


class DraftRow(Base):
    """What staff are writing. There is one, and it stays when nothing is being written: its version only grows."""

    __abstract__ = True
    if TYPE_CHECKING:
        content: Mapped[Any]  # None: nothing is being written

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class StatusVersion(VersionRow):
    """What staff say about statuses, as `gateway.wording` writes it."""

    __tablename__ = "status_versions"

    content: Mapped[dict[str, Any]] = mapped_column("words")
    is_quiet: Mapped[bool]  # what it changes is no news: no mail tells of it


class StatusDraft(DraftRow):
    __tablename__ = "status_draft"

    content: Mapped[dict[str, Any] | None] = mapped_column("words", JSON(none_as_null=True))


class VisibilityVersion(VersionRow):
    """What customers see, as `gateway.segments` writes it."""

    __tablename__ = "visibility_versions"

    content: Mapped[str] = mapped_column("document", Text)


class VisibilityDraft(DraftRow):
    __tablename__ = "visibility_draft"

    content: Mapped[str | None] = mapped_column("document", Text)


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


class SegmentMark(Base):
    """The segments that an account may be in, as it was last sorted. It decides nothing of what customers see."""

    __tablename__ = "segment_marks"
    __table_args__ = (
        Index("ix_segment_marks_held", "held", "words", "account_id"),
        Index("ix_segment_marks_until", "until", "held"),
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    held: Mapped[str] = mapped_column(BYTEWISE)  # by which rules, and which: as `gateway.seeing.marks` has it
    words: Mapped[str] = mapped_column(String(320))  # what the account is found and sorted by
    until: Mapped[datetime | None]  # how long that is so, if nothing changes


class SegmentDue(Base):
    """An account of which something has changed that its segments depend on. Triggers write it."""

    __tablename__ = "segment_due"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(63))


class SegmentSorting(Base):
    """How far all accounts are sorted by other rules. There is one row."""

    __tablename__ = "segment_sorting"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules: Mapped[str] = mapped_column(String(32))
    upto: Mapped[str | None] = mapped_column(String(63))  # the last account that is; None: all are
