"""The rows about webhooks: the inbox, and what became of deliveries."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class InboxRow(Base):
    """A delivery of a back office that was proven to be theirs, and how far we are with it.

    `events` say where to look again, and are all that we go by. `raw` is what staff may look at, without its secrets.

    Where the vendor has no id for it, `pending` is the SHA-256 of its events until somebody looks: those that say the
    same meanwhile are this row.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("source", "delivery"),
        Index("ix_inbox_pending", "source", "pending", unique=True),
        Index("ix_inbox_due_at", "due_at"),
        Index("ix_inbox_received_at", "received_at"),
        Index("ix_inbox_state", "state", "id", "source"),
        Index("ix_inbox_source", "source", "id"),
        Index("ix_inbox_record", "record", "id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"))
    delivery: Mapped[str | None]  # the vendor's own id for it; None: it has none, and none is left out
    pending: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    events: Mapped[list[dict[str, Any]]]
    received_at: Mapped[datetime]  # the last one that is this row
    due_at: Mapped[datetime | None]  # None: done, or given up
    tries: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    record: Mapped[str | None]  # the first one that it names, in small letters: it can be found by that
    error: Mapped[str | None] = mapped_column(Text)  # of the last try, for staff
    ended_at: Mapped[datetime | None]
    replayed_at: Mapped[datetime | None]  # when staff had it done once more
    raw: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class WebhookTotal(Base):
    """How often what became of a source's deliveries, since ever. `source` is "" for sources that there are not."""

    __tablename__ = "webhook_totals"

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(20), primary_key=True)
    times: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class WebhookHour(Base):
    """The same within one hour of UTC, for some days. `detail` is what was said of the last one, for staff."""

    __tablename__ = "webhook_hours"
    __table_args__ = (Index("ix_webhook_hours_hour", "hour"),)

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(20), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    times: Mapped[int]
    last_at: Mapped[datetime | None]
    detail: Mapped[str | None] = mapped_column(Text)


class WebhookRegistration(Base):
    """Where we told a back office by its API to send webhooks to. `theirs` is its own id for that."""

    __tablename__ = "webhook_registrations"

    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(String(500))
    theirs: Mapped[str]
    registered_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]  # then they send no more, unless it is done again
