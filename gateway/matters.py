"""What staff may have to do something about: one thing at a time, whatever page tells of it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from connectors.records import Kind

What = Literal[
    "tampered",
    "broken",
    "access",
    "consent",
    "not_allowed",
    "drift",
    "failing",
    "unknown",
    "not_sent",
    "late",
    "paused",
    "ending",
    "moved",
    "silent",
    "refused",
    "given_up",
    "mails",
    "invitations",
    "documents",
    "unmapped",
    "questions",
    "conflicts",
]
# By customers, now.
FELT: frozenset[What] = frozenset(
    {"broken", "access", "consent", "not_allowed", "drift", "failing", "unknown", "not_sent"}
)


class Matter(Struct, frozen=True, kw_only=True):
    """One thing to be done, about the `source` of this `title`. `detail` is what the system itself says of it.

    `kinds` are the records that it is about, where it is not about all of them.
    """

    what: What
    title: str = ""
    many: int = 1
    detail: str = ""
    source: str = ""
    kinds: tuple[Kind, ...] = ()
    since: datetime | None = None

    @property
    def is_felt(self) -> bool:
        return self.what in FELT
