"""The rows by which staff learn where two sources do not say the same, and how often they do."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class ConflictRow(Base):
    """One fact of one thing on which two sources do not agree. The source with the earlier name comes first.

    `number` is what the customer knows it by; of a contact, who it is: then `member_id` says so too.
    """

    __tablename__ = "conflicts"
    __table_args__ = (
        UniqueConstraint(
            "account_id", "kind", "number", "field", "first_source", "second_source", name="uq_conflicts_fact"
        ),
        Index("ix_conflicts_state", "state"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))  # "orders", "invoices" or "contacts"
    number: Mapped[str]
    field: Mapped[str] = mapped_column(String(20))
    first_source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"))
    second_source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"))
    first_id: Mapped[str]  # of the record or the person there
    second_id: Mapped[str]
    first_value: Mapped[str] = mapped_column(Text)
    second_value: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))  # "open", "settled" or "ignored"
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    decided_by: Mapped[str | None]  # "rule", "agreed" or who said to ignore it
    decided_at: Mapped[datetime | None]


class AgreementRow(Base):
    """How often two sources said the same of one account's things of one kind, the last time that we compared."""

    __tablename__ = "agreements"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    field: Mapped[str] = mapped_column(String(20), primary_key=True)
    first_source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    second_source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    agreed: Mapped[int]
    differing: Mapped[int]
    compared_at: Mapped[datetime]
