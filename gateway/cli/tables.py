"""Tables on a terminal, and ages in words."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Give the lines, each column as wide as what is in it."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def age(at: datetime | None, now: datetime) -> str:
    """Say how long ago something was. Nothing for what never was."""
    return span(now - at) if at else ""


def span(time: timedelta) -> str:
    """Say how long it is, in its largest unit: "3 min", "2 h"."""
    seconds = max(int(time.total_seconds()), 0)
    return next((f"{seconds // size} {unit}" for unit, size in UNITS if seconds >= size), f"{seconds} s")
