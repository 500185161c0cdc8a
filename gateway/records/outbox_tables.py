"""The rows of what customers send."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base
from gateway.records.finding import LONGEST_WORDS


class OutboxRow(Base):
    """One thing that a customer sent. It is never deleted while it is not done, whatever becomes of its source.

    `in_doubt_since`: then a try began which may have worked; nothing of what was tried before it has. None: none has.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("account_id", "nonce", name="uq_outbox_account_nonce"),
        Index("ix_outbox_due_at", "due_at"),
        Index("ix_outbox_state", "state", "id", "source"),
        Index("ix_outbox_source", "source", "id"),
        Index("ix_outbox_account", "account_id", "id"),
        Index("ix_outbox_topic", "topic", "id"),
        Index("ix_outbox_words", "id", "words", "state"),  # in the order of the list
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)  # what people read, and the back office keeps
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="SET NULL"))
    nonce: Mapped[str] = mapped_column(String(43))  # of the form; the same when it is sent twice
    action: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(63))
    asked: Mapped[dict[str, Any]]  # as `connectors.actions` has it
    note: Mapped[dict[str, Any] | None]  # what we told the customer of it; it never goes out
    state: Mapped[str] = mapped_column(String(12))
    made_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # when to try, or to try again; None: not by itself
    tries: Mapped[int]
    tried_at: Mapped[datetime | None]  # the last time
    in_doubt_since: Mapped[datetime | None]
    turn: Mapped[int]  # grows with every try, so that one that comes back too late changes nothing
    done_at: Mapped[datetime | None]
    record: Mapped[str | None]  # their id of what was made
    number: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(Text)  # for staff
    topic: Mapped[str | None] = mapped_column(String(200))  # what the customer chose, in the words of then
    words: Mapped[str | None] = mapped_column(String(LONGEST_WORDS))  # what it is found by, in small letters
    claimed_by: Mapped[str | None] = mapped_column(String(60))  # "staff/...", who looks after it
    claimed_at: Mapped[datetime | None]


class OutboxStep(Base):
    """One thing that happened to it: a try that came to something, a correction, a decision of staff."""

    __tablename__ = "outbox_steps"
    __table_args__ = (Index("ix_outbox_steps_outbox", "outbox_id", "id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    outbox_id: Mapped[str] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(12))  # as `gateway.outbox.steps` has it
    who: Mapped[str | None] = mapped_column(String(100))  # "staff/...", "operator/..."; None: the customer, or nobody
    given_to: Mapped[str | None] = mapped_column(String(60))  # "staff/..."
    detail: Mapped[str | None] = mapped_column(Text)  # what the system answered, or what staff wrote


class OutboxFile(Base):
    """A file that goes with what a customer sent. It is deleted some days after that was done."""

    __tablename__ = "outbox_files"
    __table_args__ = (
        Index("ix_outbox_files_outbox", "outbox_id"),
        Index("ix_outbox_files_made", "account_id", "made_at"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    outbox_id: Mapped[str] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    made_at: Mapped[datetime]
    place: Mapped[int]  # among those that came with it
    name: Mapped[str] = mapped_column(String(100))  # harmless
    media_type: Mapped[str] = mapped_column(String(100))  # what it is, whatever the browser said
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
