"""The rows of long work that is done in pieces."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class Upkeep(Base):
    """Long work that is done piece by piece, and goes on after its process died: how far it is, and who wanted it."""

    __tablename__ = "upkeep"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    wanted_by: Mapped[str] = mapped_column(String(100))
    began_at: Mapped[datetime]
    looked_at: Mapped[datetime]  # when the last piece was done
    ended_at: Mapped[datetime | None]  # None: there is more to do
    done: Mapped[int]
    total: Mapped[int]
    mark: Mapped[str | None] = mapped_column(Text)  # from where to go on
    problem: Mapped[str | None] = mapped_column(Text)  # why it stopped
