"""The rows of documents that staff ask customers for, and of the files that customers give."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class AskedDocument(Base):
    """Something that staff want to have from an account, or from one of its members alone."""

    __tablename__ = "asked_documents"
    __table_args__ = (
        Index("ix_asked_documents_account", "account_id", "id"),
        Index("ix_asked_documents_state", "state", "id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))  # None: of the company
    label: Mapped[str] = mapped_column(String(120))  # what customers read: "Trade licence"
    due_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(10))  # as `gateway.asked` has it
    reason: Mapped[str | None] = mapped_column(Text)  # why it was refused, for the customer
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    why: Mapped[str | None] = mapped_column(Text)  # what it is for, for the customer
    about: Mapped[str | None] = mapped_column(String(300))  # the record's address: "/orders/erp/4424"


class GivenFile(Base):
    """A file that came for it, the last time that some did."""

    __tablename__ = "given_files"
    __table_args__ = (Index("ix_given_files_document", "document_id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("asked_documents.id", ondelete="CASCADE"))
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id", ondelete="SET NULL"))  # who gave it
    made_at: Mapped[datetime]
    place: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))  # harmless
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
