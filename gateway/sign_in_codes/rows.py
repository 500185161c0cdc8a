"""What the rows of codes have in common for whoever asks, sends and takes: how long, how often, which ones live."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import sqlalchemy as sa

from gateway.records.code_tables import SignInCode as Row

LIFETIME = timedelta(minutes=10)
GUESSES = 5  # codes that may be typed for one that was asked for
AT_ONCE = 2  # that live in one browser: the mail before may be the one that is read
KEPT_FOR = timedelta(hours=1)  # after its end, for whoever is asked why no mail has come

# waiting: to be looked at; asking: whether the sources know the address; known: to be sent; sent; elsewhere: the mail
# said that they sign in at a provider; nobody: no mail goes there; failed: it could not go out, or not in time;
# unknown: it may have gone out
State = Literal["waiting", "asking", "known", "sent", "elsewhere", "nobody", "failed", "unknown"]


def hash_of(secret: str) -> bytes:
    """Hash what a browser or a link holds: 256 random bits need no key."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def live(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Which rows can still be signed in by."""
    return Row.ended_at.is_(None), Row.until > now, Row.guesses < GUESSES


def is_past(now: datetime) -> sa.ColumnElement[bool]:
    """Which rows the next clean-up takes."""
    return Row.until < now - KEPT_FOR
