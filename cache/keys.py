"""Every kind of key and how long it lives, in one table."""

from datetime import timedelta
from functools import lru_cache
from typing import Literal

Family = Literal[
    "list",
    "older",
    "detail",
    "version",
    "turn",
    "session",
    "visit",
    "used",
    "mark",
    "held",
    "bucket",
    "noted",
    "seen",
    "draft",
]

LIFETIMES: dict[Family, timedelta] = {
    "list": timedelta(days=7),  # a snapshot of many records; long, because an old one beats none
    "older": timedelta(days=1),  # a snapshot of a further piece of a long history
    "detail": timedelta(days=1),  # a snapshot of one record
    "version": timedelta(days=7),  # changes with every snapshot of its owner
    "turn": timedelta(seconds=12),  # the right to fetch a snapshot; a call has its own, shorter deadline
    "session": timedelta(seconds=10),  # a copy of a row; a sign-out is seen everywhere after this
    "visit": timedelta(seconds=10),  # a copy of rows too: who somebody is, and what they may see
    "mark": timedelta(days=7),  # how far something was followed
    "held": timedelta(days=8),  # who holds copies of what; longer than any copy
    "noted": timedelta(days=7),  # which snapshots have changed and are to be looked at; as long as they live
    "bucket": timedelta(days=1),  # tokens; it is as good as full long before
    "draft": timedelta(minutes=30),  # what somebody wrote while their session ended
    "seen": timedelta(days=1),  # what was met with lately
    "used": timedelta(minutes=15),  # what may be used once, remembered for longer than it is valid
}

# Change it with the form of what is stored: old values are then never read, and expire.
VERSION = "h4"


@lru_cache(maxsize=4096)
def key(family: Family, owner: str, *parts: str) -> str:
    """Name a value. Each part carries its length, so that no two lists of parts make one key.

    The braces are Redis Cluster's hash tag: all that belongs to one owner lives in one slot.
    """
    tail = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{VERSION}:{family}:{{{len(owner)}:{owner}}}{tail}"


def turn_of(of: str) -> str:
    """Name the turn to fetch a value, beside it."""
    return f"{VERSION}:turn:{of}"
