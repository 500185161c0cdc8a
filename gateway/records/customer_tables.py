"""The rows by which staff serve customers: mails that invite, and what was moved from one account to another."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class InvitationMail(Base):
    """A mail that tells somebody that they are invited. Each has a link of its own, which a later one leaves alive."""

    __tablename__ = "invitation_mails"
    __table_args__ = (
        UniqueConstraint("invitation_id", "number"),
        Index("ix_invitation_mails_due_at", "due_at"),
        Index("ix_invitation_mails_state", "state", "invitation_id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    invitation_id: Mapped[str] = mapped_column(ForeignKey("invitations.id", ondelete="CASCADE"))
    number: Mapped[int]  # 1 is the first about its invitation
    made_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # when to try, or to try again; None: not any more
    state: Mapped[str] = mapped_column(String(12))  # as of any mail, or "bounced": there is no such mailbox
    turn: Mapped[int]  # grows with every try, so that one that comes back too late changes nothing
    tries: Mapped[int]
    handed_at: Mapped[datetime | None]  # when it began to go out: from here on it may have arrived
    ended_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]  # when somebody first followed its link
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


class MovedMember(Base):
    """What a member could see in the account that they were moved from. It goes with the member.

    `was_in_both`: they acted for the account that they came to already; `rights_there` is what they could see in that
    one.
    """

    __tablename__ = "moved_members"
    __table_args__ = (Index("ix_moved_members_member", "member_id"),)

    move_id: Mapped[str] = mapped_column(ForeignKey("account_moves.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    was_in_both: Mapped[bool]
    since: Mapped[datetime]
    rights: Mapped[dict[str, Any]]
    rights_there: Mapped[dict[str, Any] | None]
    ground: Mapped[dict[str, Any] | None]  # how and why they could act for it, as `grounds` has it
