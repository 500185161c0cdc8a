"""The rows of what customers can ask for by a form."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class TopicRow(Base):
    """A topic, as `gateway.topics.topic` has it. `place` is where it stands among them, from 0."""

    __tablename__ = "topics"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    place: Mapped[int]
    topic: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]
