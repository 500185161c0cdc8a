"""The row of how the portal looks, and whom it names."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class AppearanceRow(Base):
    """There is one row, made with the first change. `fields` None: what the environment says counts."""

    __tablename__ = "appearance"

    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    version: Mapped[int]
    fields: Mapped[dict[str, Any] | None]
    logo: Mapped[bytes | None]
    logo_suffix: Mapped[str | None] = mapped_column(String(5))
    changed_at: Mapped[datetime | None]
