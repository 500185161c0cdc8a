"""The row of how long what is kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class RetentionRow(Base):
    """There is one row, made with the first change. What `days` does not name is as the environment says."""

    __tablename__ = "retention"

    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    version: Mapped[int]
    days: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]
