"""What accounts and members are found by: one column of small letters, which an index holds."""

from collections.abc import Callable
from typing import Any

LONGEST_WORDS = 600  # characters that an index of either database takes


def words_of(*columns: str) -> Callable[[Any], str]:
    """Make what a new row is found by: these columns in small letters."""

    def made(context: Any) -> str:  # noqa: ANN401  # SQLAlchemy's context of a default
        row = context.get_current_parameters()
        return small(*(row.get(column) for column in columns))

    return made


def small(*texts: str | None) -> str:
    return " ".join(text or "" for text in texts).lower()[:LONGEST_WORDS]
