"""The rows by which back offices are followed: how it goes, and from where to go on when Redis has lost something."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class FeedRow(Base):
    """How one kind of one source is followed. The place itself is in Redis, beside the lists that it vouches for."""

    __tablename__ = "feeds"

    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))  # of the source's settings
    looked_at: Mapped[datetime | None]  # when it last came to the end of the changes
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)  # its class and what is wrong, for operators
    # Two places from which to replay: the newer one may be younger than what Redis has lost.
    checkpoint: Mapped[str | None] = mapped_column(Text)
    checkpoint_at: Mapped[datetime | None]
    checkpoint_before: Mapped[str | None] = mapped_column(Text)


class TroubleRow(Base):
    """Something that went wrong with one kind of one source, from the first time to when it was well again."""

    __tablename__ = "troubles"
    __table_args__ = (Index("ix_troubles_source", "source", "id"), Index("ix_troubles_ended_at", "ended_at"))

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(10))  # "feed", or "pages" where it was met with by who reads records
    error: Mapped[str] = mapped_column(String(40))  # its class
    detail: Mapped[str] = mapped_column(Text)  # for operators
    times: Mapped[int]
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SweepRow(Base):
    """How far all lists of one source were read as a whole: the first time, and again and again."""

    __tablename__ = "sweeps"

    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str] = mapped_column(String(40))
    place: Mapped[str | None] = mapped_column(Text)  # the last link that was done; None: at the beginning
    begun_at: Mapped[datetime]
    done: Mapped[int]  # links
    total: Mapped[int]
    compared: Mapped[dict[str, Any]]  # kind -> records that agreed, and that did not
    ended_at: Mapped[datetime | None]  # the last time that it came to its end
    last: Mapped[dict[str, Any] | None]  # what was compared then
