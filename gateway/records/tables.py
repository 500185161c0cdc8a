"""The rows that cannot be fetched again. Everything else lives in Redis.

Instants are aware and in UTC on both databases; ids of ours are 26-character, time-ordered text.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import get_history

import gateway.records.agreement_tables
import gateway.records.appearance_tables
import gateway.records.code_tables
import gateway.records.customer_tables
import gateway.records.document_tables
import gateway.records.feed_tables
import gateway.records.help_tables
import gateway.records.identity_tables
import gateway.records.language_tables
import gateway.records.mail_tables
import gateway.records.outbox_tables
import gateway.records.page_tables
import gateway.records.retention_tables
import gateway.records.source_tables
import gateway.records.status_tables
import gateway.records.topic_tables
import gateway.records.upkeep_tables
import gateway.records.webhook_tables  # noqa: F401  # the tables are those of all these modules
from gateway.records.base import Base
from gateway.records.finding import small, words_of


class Source(Base):
    """A configured connector. `settings` holds the plain fields, `sealed` the secret ones, each sealed on its own."""

    __tablename__ = "sources"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    title: Mapped[str]  # what customers read: "Invoices"
    connector: Mapped[str] = mapped_column(String(63))
    settings: Mapped[dict[str, Any]]
    sealed: Mapped[dict[str, Any]]  # field -> vault token
    promises: Mapped[dict[str, Any]]  # kind -> seconds
    wins: Mapped[dict[str, Any]] = mapped_column(default=dict)  # fact -> sources, this one among them, who counts first
    kinds: Mapped[list[Any]] = mapped_column(JSON, default=list)  # those that it gives; empty: all its connector can
    refs: Mapped[dict[str, Any]] = mapped_column(default=dict)  # secret field -> where a file said that it comes from
    sealed_at: Mapped[dict[str, Any]] = mapped_column(default=dict)  # secret field -> ISO instant at which it was set
    changed_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]  # since when nothing is asked of it
    rotated_at: Mapped[datetime | None]  # when its webhook secret was changed; for a while the one before counts too


class Account(Base):
    """A customer of the business. `words` is what it is found and sorted by."""

    __tablename__ = "accounts"
    __table_args__ = (Index("ix_accounts_words", "words", "id", "merged_into", "seen_at"),)

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]  # when somebody of theirs last signed in
    merged_into: Mapped[str | None] = mapped_column(String(63))
    words: Mapped[str | None] = mapped_column(Text, default=words_of("name", "id"), deferred=True)


class Member(Base):
    """A login: (issuer, subject) is the identity, the rest is what the provider last said. `words` is to find it by."""

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        Index("ix_members_words", "words", "id"),
        Index("ix_members_seen", "seen_on", "id", "days", "words"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str]
    email: Mapped[str | None]
    name: Mapped[str | None]
    created_at: Mapped[datetime]
    last_visit_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]  # since when they may not sign in
    seen_on: Mapped[date | None] = mapped_column(Date)  # the last day, of UTC, on which they were here
    days: Mapped[int] = mapped_column(default=0, server_default="0")  # on which they were here
    welcomed_at: Mapped[datetime | None]  # when they had been shown around, or wanted not to be
    language: Mapped[str | None] = mapped_column(String(20))  # which they chose; None: as their browser says
    language_seen: Mapped[str | None] = mapped_column(String(20))  # which they had when they last signed in
    words: Mapped[str | None] = mapped_column(Text, default=words_of("name", "email", "subject"), deferred=True)

    @property
    def called(self) -> str:
        return self.name or self.email or self.subject


class Membership(Base):
    """A member may act for an account, within these rights (`gateway.rights`)."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_account", "account_id"),)

    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    rights: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default="1")  # grows with every change of the rights


class Person(Base):
    """A member is this person in that source, because of this fact. It opens nothing without an account's link."""

    __tablename__ = "persons"
    __table_args__ = (Index("ix_persons_person", "source", "person"),)

    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)  # their id
    fact: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]  # when the source last said that it is still so


class Link(Base):
    """An account is this customer in that source, because of this fact, decided by this person."""

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_account", "account_id"), Index("ix_links_customer", "customer"))

    source: Mapped[str] = mapped_column(ForeignKey("sources.name", ondelete="CASCADE"), primary_key=True)
    customer: Mapped[str] = mapped_column(primary_key=True)  # their id; one account at the most
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    fact: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]


class Staff(Base):
    """A person of the business. Never a member, even where one human is both.

    `listed_role` is what `hallway staff` gave them, and counts; without it, what their provider last claimed.
    """

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str]
    name: Mapped[str | None]
    listed_role: Mapped[str | None] = mapped_column(String(20))
    claimed_role: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime]


class Session(Base):
    """A signed-in browser, of a member or of staff. The id itself is never stored, only its SHA-256."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'member' AND member_id IS NOT NULL AND staff_id IS NULL) OR "
            "(kind = 'staff' AND staff_id IS NOT NULL AND member_id IS NULL AND account_id IS NULL)",
            name="ck_sessions_kind",
        ),
        Index("ix_sessions_member", "member_id"),
        Index("ix_sessions_staff", "staff_id"),
        Index("ix_sessions_expires", "expires_at"),
        Index("ix_sessions_provider_sid", "provider_sid"),
    )

    id_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # of the person: "member" or "staff"
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    staff_id: Mapped[str | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    csrf_token: Mapped[str] = mapped_column(String(64))
    id_token: Mapped[str | None] = mapped_column(String(8192))  # vault token; the hint at sign-out
    provider: Mapped[str] = mapped_column(String(20))  # our id of the one that it began at
    provider_sid: Mapped[str | None]  # the provider's own name for its session, by which it can end ours
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # absolute
    ended_at: Mapped[datetime | None]
    # Of staff alone: whose pages they look at, for which account, and until when.
    viewing_member: Mapped[str | None] = mapped_column(String(26))
    viewing_account: Mapped[str | None] = mapped_column(String(63))
    viewing_until: Mapped[datetime | None]


class UsageEvent(Base):
    """What was viewed, finished or left. No content, no address, no third party."""

    __tablename__ = "usage_events"
    __table_args__ = (Index("ix_usage_at", "at"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(40))  # "viewed", "finished", "left"
    page: Mapped[str] = mapped_column(String(40))
    account_id: Mapped[str | None] = mapped_column(String(63))
    member_id: Mapped[str | None] = mapped_column(String(26))
    detail: Mapped[dict[str, Any]]


class AuditLine(Base):
    """One thing that was done, as `gateway.audit` wrote it. The database itself refuses to change or delete it.

    Every column is text as it was hashed: the hash covers what is stored, to the letter.
    """

    __tablename__ = "audit_lines"
    __table_args__ = (
        Index("ix_audit_lines_about", "about", "number"),
        Index("ix_audit_lines_who", "who", "number"),
        Index("ix_audit_lines_what", "what", "number"),
        Index("ix_audit_lines_account", "account", "number"),
        Index("ix_audit_lines_at", "at"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1, without gaps
    at: Mapped[str] = mapped_column(String(32))
    what: Mapped[str] = mapped_column(String(40))
    who: Mapped[str]
    via: Mapped[str] = mapped_column(String(20))
    about: Mapped[str] = mapped_column(String(100))
    account: Mapped[str | None] = mapped_column(String(63))
    details: Mapped[str] = mapped_column(Text)  # JSON
    key: Mapped[str | None] = mapped_column(String(26))  # of `audit_keys`; it is gone where somebody was erased
    sealed: Mapped[str | None] = mapped_column(Text)  # JSON, sealed with that key
    hash: Mapped[str] = mapped_column(String(64))  # over all of these and the hash before


class AuditHead(Base):
    """The end of the trail, in one row. Whoever writes a line locks it first."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="ck_audit_head_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str | None] = mapped_column(Text)  # vault token of both; None: no line yet


class AuditKey(Base):
    """What seals the personal values of a person or an account. Without it they are gone."""

    __tablename__ = "audit_keys"
    __table_args__ = (Index("ix_audit_keys_owner", "owner"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    owner: Mapped[str] = mapped_column(String(100))  # "member/...", "staff/..." or "account/..."
    sealed: Mapped[str] = mapped_column(Text)  # vault token


@event.listens_for(Account, "before_update")
def _find_account_by_new_name(_mapper: object, _connection: object, row: Account) -> None:
    if get_history(row, "name").has_changes():
        row.words = small(row.name, row.id)


@event.listens_for(Member, "before_update")
def _find_member_by_new_name(_mapper: object, _connection: object, row: Member) -> None:
    if get_history(row, "name").has_changes() or get_history(row, "email").has_changes():
        row.words = small(row.name, row.email, row.subject)
