"""The rows of messages: what was known when it was last looked for news, who is told of what, and who wants which."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class BookRow(Base):
    """One list of one customer as it was when it was last looked for news: what is in it is no news any more."""

    __tablename__ = "books"
    __table_args__ = (
        ForeignKeyConstraint(["source", "customer"], ["links.source", "links.customer"], ondelete="CASCADE"),
        Index("ix_books_due_on", "due_on"),
    )

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    customer: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(63))
    turn: Mapped[int]  # grows with every look that changes something, so that two at once are noticed
    book: Mapped[bytes] = mapped_column(LargeBinary)  # of zstd
    due_on: Mapped[date | None] = mapped_column(Date)  # the last day before a bill is to be told of


class MailRow(Base):
    """A message to one member about one event. It holds nothing of the record: what it says is read when it is.

    It is in their inbox, and a mail too unless its state is "silent".
    """

    __tablename__ = "mails"
    __table_args__ = (
        UniqueConstraint("member_id", "account_id", "event_key", name="uq_mails_event"),
        Index("ix_mails_due_at", "due_at"),
        Index("ix_mails_made_at", "made_at"),
        Index("ix_mails_state", "state", "id", "source"),
        Index("ix_mails_source", "source", "id"),
        Index("ix_mails_account", "account_id", "id"),
        Index("ix_mails_record", "record", "id"),
        Index("ix_mails_inbox", "member_id", "account_id", "id"),
        Index("ix_mails_unread", "member_id", "account_id", "read_at", "made_at", "names"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(20))
    record: Mapped[str]  # their id
    names: Mapped[str] = mapped_column(String(100))  # what the event may be called, the most telling first
    event_key: Mapped[str] = mapped_column(String(64))  # SHA-256; the same for the same event, however often it is seen
    made_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # when to try, or to try again; None: not any more
    state: Mapped[str] = mapped_column(String(12))
    turn: Mapped[int]  # grows with every try, so that one that comes back too late changes nothing
    tries: Mapped[int]
    handed_at: Mapped[datetime | None]  # when it began to go out: from here on it may have arrived
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)  # for staff
    resent_at: Mapped[datetime | None]  # when staff had it sent once more: it is news since then
    gathered: Mapped[bool] = mapped_column(default=False)  # it goes out with all others that wait for the same hour
    read_at: Mapped[datetime | None]  # when it was read in the inbox


class MessageChoice(Base):
    """How a member wants to hear of an event, where they have said so."""

    __tablename__ = "message_choices"

    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    event: Mapped[str] = mapped_column(String(40), primary_key=True)
    mail: Mapped[str] = mapped_column(String(8))  # "at_once", "daily" or "none"
    inbox: Mapped[bool]


class MessageTimes(Base):
    """When a member wants mails, where they have said so. Hours are of their own zone; None: as the business has it."""

    __tablename__ = "message_times"

    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    zone: Mapped[str | None] = mapped_column(String(64))
    quiet: Mapped[bool | None]  # whether there are quiet hours
    quiet_from: Mapped[int | None]
    quiet_until: Mapped[int | None]
    daily_at: Mapped[int | None]


class MessageRules(Base):
    """What staff say of messages. There is one row, made with the first change."""

    __tablename__ = "message_rules"

    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    version: Mapped[int]
    rules: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]


class RefusedAddress(Base):
    """A mail server refused this address of a member. Mails go to another one as soon as we know another."""

    __tablename__ = "refused_addresses"

    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str]
    refused_at: Mapped[datetime]
    said: Mapped[str] = mapped_column(Text)
