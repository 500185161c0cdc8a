"""The rows by which staff serve customers: mails that invite, and what was moved from one account to another."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class InvitationMail(Base):
    """One try of ours to tell somebody that they are invited. Another one leaves those before it as they are."""

    __tablename__ = "invitation_mails"
    __table_args__ = (
        Index("ix_invitation_mails_invitation", "invitation_id"),
        Index("ix_invitation_mails_due_at", "due_at"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    invitation_id: Mapped[str] = mapped_column(ForeignKey("invitations.id", ondelete="CASCADE"))
    made_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # when to try, or to try again; None: not any more
    state: Mapped[str] = mapped_column(String(12))
    turn: Mapped[int]  # grows with every try, so that one that comes back too late changes nothing
    tries: Mapped[int]
    handed_at: Mapped[datetime | None]  # when it began to go out: from here on it may have arrived
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)  # for staff


class AccountMove(Base):
    """What was moved from one account to another when they were merged or split, so that it can be moved back."""

    __tablename__ = "account_moves"
    __table_args__ = (Index("ix_account_moves_from", "from_account"), Index("ix_account_moves_to", "to_account"))

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
    kind: Mapped[str] = mapped_column(String(10))  # "merge" or "split"
    from_account: Mapped[str] = mapped_column(String(63))
    to_account: Mapped[str] = mapped_column(String(63))
    moved: Mapped[dict[str, Any]]
