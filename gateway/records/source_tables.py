"""What staff are filling in to connect a source, before it is one; and the tokens of their consents at vendors."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class SourceDraft(Base):
    """A form of one of staff's. `place` is where it stands: `new/<connector>` or `source/<name>`.

    `written` is what was typed and is not secret, `sealed` what is, each field on its own, and `trial` how the last
    test went. `grant` is a consent under way at the vendor, sealed too.
    """

    __tablename__ = "source_drafts"

    staff_id: Mapped[str] = mapped_column(String(26), ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[str] = mapped_column(String(80), primary_key=True)
    written: Mapped[dict[str, Any]]
    sealed: Mapped[dict[str, Any]]  # field -> vault token
    trial: Mapped[dict[str, Any]]
    grant: Mapped[str | None] = mapped_column(Text)  # vault token
    changed_at: Mapped[datetime]


class ConsentToken(Base):
    """What a vendor gave last for a consent whose refresh token counts once. `name` is of what it gave first.

    `sealed` None: nobody has come back yet. `version` grows with every pair. `asked_by`: the process that is asking for
    the next one, until `asked_until`. `refused_at`: then the vendor took it no more.
    """

    __tablename__ = "consent_tokens"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str | None] = mapped_column(Text)  # vault token
    version: Mapped[int]
    asked_by: Mapped[str | None] = mapped_column(String(16))
    asked_until: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
