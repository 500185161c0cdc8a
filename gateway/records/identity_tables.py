"""The rows by which a login is tied to a customer: addresses, invitations, grounds, questions, checks, leases."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base

OPEN = text("state = 'made'")  # of an address and an account there is one invitation that may be used


class Address(Base):
    """A member came with this address, verified. Whoever else comes with it has to be looked at by a person."""

    __tablename__ = "addresses"
    __table_args__ = (Index("ix_addresses_member", "member_id"),)

    address: Mapped[str] = mapped_column(primary_key=True)  # with A to Z small
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    first_at: Mapped[datetime]


class Invitation(Base):
    """A person bound an address to an account. Whoever first proves the address may act for it, once and in time."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("ix_invitations_email", "email"),
        Index("ix_invitations_account", "account_id", "state"),
        Index("ix_invitations_mailed", "state", "id", "mailed_at", "account_id", "email", "name"),
        Index("ix_invitations_member", "member_id"),
        Index("ix_invitations_batch", "batch"),
        Index("uq_invitations_open", "email", "account_id", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    email: Mapped[str]  # with A to Z small
    name: Mapped[str | None]
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    rights: Mapped[dict[str, Any]]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    until: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))  # "made", "used", "expired" or "withdrawn"
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))  # who used it
    used_at: Mapped[datetime | None]
    batch: Mapped[str | None] = mapped_column(String(26))  # the file that it was taken in with
    mailed_at: Mapped[datetime | None]  # when the latest mail was written since it was made, or made anew
    stopped_at: Mapped[datetime | None]  # since when whoever has the address wants no mail about it


class Ground(Base):
    """Why a member may act for an account, where it was not simply a command that said so."""

    __tablename__ = "grounds"
    __table_args__ = (
        ForeignKeyConstraint(
            ["member_id", "account_id"],
            ["memberships.member_id", "memberships.account_id"],
            ondelete="CASCADE",
        ),
    )

    member_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    how: Mapped[str] = mapped_column(String(10))  # "matched", "invited" or "decided"
    facts: Mapped[dict[str, Any]]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]


class Question(Base):
    """Who somebody is, for a person to decide: one row per member, with what the sources said."""

    __tablename__ = "questions"
    __table_args__ = (UniqueConstraint("member_id"), Index("ix_questions_state", "state"))

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10))  # "open", "decided" or "dismissed"
    reason: Mapped[str] = mapped_column(String(40))
    found: Mapped[dict[str, Any]]  # what is proven of the login, and the candidates of each source
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class ContactCheck(Base):
    """What somebody who is invited would see: a verdict, of which inputs, and how long it holds.

    The inputs are what is theirs alone; the basis is what all share who were judged together.
    """

    __tablename__ = "contact_checks"
    __table_args__ = (
        Index("ix_contact_checks_verdict", "verdict", "basis", "invitation_id", "holds_until", "checked_at"),
        Index("ix_contact_checks_basis", "basis", "invitation_id", "holds_until"),
    )

    invitation_id: Mapped[str] = mapped_column(ForeignKey("invitations.id", ondelete="CASCADE"), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(10))  # "everything", "part", "ambiguous" or "none"
    reason: Mapped[str | None] = mapped_column(String(40))
    inputs: Mapped[str] = mapped_column(String(64))  # their SHA-256
    basis: Mapped[str | None] = mapped_column(String(16))  # of which sources and policy; None: nobody knows any more
    holds_until: Mapped[datetime | None]  # if nothing changes; None: something of theirs has, or it was not looked yet
    checked_at: Mapped[datetime]


class ContactDue(Base):
    """Something has changed that verdicts depend on: of an account, a login or an invitation. Triggers write it."""

    __tablename__ = "contact_due"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str | None] = mapped_column(String(63))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    invitation_id: Mapped[str | None] = mapped_column(String(26))


class Lease(Base):
    """Work that one process does at a time. `token` grows with every holder."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    token: Mapped[int]
    until: Mapped[datetime]
    done_at: Mapped[datetime | None]
