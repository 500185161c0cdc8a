"""The rows of pages that members were shown."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class PageContent(Base):
    """What pages are made of, by the SHA-256 of its text: a finished page, why it was shown, or how it looked."""

    __tablename__ = "page_contents"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    frame: Mapped[bytes] = mapped_column(LargeBinary)  # of zstd


class PageCode(Base):
    """A page that a member was shown, by the code that stood on it. The same page shown again keeps its code."""

    __tablename__ = "page_codes"
    __table_args__ = (
        Index("ix_page_codes_member", "member_id"),
        Index("ix_page_codes_last", "last_at"),
        Index("ix_page_codes_page", "page"),
        Index("ix_page_codes_reasons", "reasons"),
        Index("ix_page_codes_look", "look"),
    )

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"))
    account_id: Mapped[str | None] = mapped_column(String(63))
    path: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    page: Mapped[bytes] = mapped_column(LargeBinary(32))
    reasons: Mapped[bytes] = mapped_column(LargeBinary(32))
    look: Mapped[bytes] = mapped_column(LargeBinary(32))
