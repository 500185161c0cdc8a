"""Lengths of time in words, for terminals and pages."""

from datetime import timedelta

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def span(time: timedelta) -> str:
    """Say how long it is, in its largest unit: "3 min", "2 h"."""
    seconds = max(int(time.total_seconds()), 0)
    return next((f"{seconds // size} {unit}" for unit, size in UNITS if seconds >= size), f"{seconds} s")
