"""Tables on a terminal, and ages in words."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gateway.spans import span


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Give the lines, each column as wide as what is in it."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def age(at: datetime | None, now: datetime) -> str:
    """Say how long ago something was. Nothing for what never was."""
    return span(now - at) if at else ""
