"""Every kind of key and how long it lives, in one table."""

from datetime import timedelta
from typing import Literal

Family = Literal["list", "detail", "session", "used", "rate"]

LIFETIMES: dict[Family, timedelta] = {
    "list": timedelta(days=7),  # a snapshot of many records; long, because an old one beats none
    "detail": timedelta(days=1),  # a snapshot of one record
    "session": timedelta(seconds=10),  # a copy of a row; a sign-out is seen everywhere after this
    "used": timedelta(minutes=15),  # what may be used once, remembered for longer than it is valid
    "rate": timedelta(minutes=1),  # a counter of tries
}

# Change it with the form of what is stored: old values are then never read, and expire.
VERSION = "h1"


def key(family: Family, owner: str, *parts: str) -> str:
    """Name a value. Each part carries its length, so that no two lists of parts make one key.

    The braces are Redis Cluster's hash tag: all that belongs to one owner lives in one slot.
    """
    tail = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{VERSION}:{family}:{{{len(owner)}:{owner}}}{tail}"
