"""Ids of ours: 26 characters that sort by the time they were made, safe in URLs and in file names."""

import secrets
import time
from datetime import UTC, datetime, timedelta

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing that reads like something else
LENGTH = 26
RANDOM_BITS = 80
PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
STAMP = 10  # of the characters hold the milliseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHIFTS = range(5 * (LENGTH - 2), -1, -10)


def new_id() -> str:
    """Join 48 bits of milliseconds and 80 random bits, as a ULID does. Not a secret: it tells its age."""
    return _written((time.time_ns() // 1_000_000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS))


def is_id(text: str) -> bool:
    """Say whether it could be one of ours."""
    return len(text) == LENGTH and set(text) <= set(ALPHABET)


def first_id(at: datetime) -> str:
    """Give the lowest id that can be made at an instant: what was made before sorts before it."""
    return _written(max((at - EPOCH) // timedelta(milliseconds=1), 0) << RANDOM_BITS)


def made_at(id_: str) -> datetime:
    """Say when an id was made, to the millisecond."""
    milliseconds = 0
    for sign in id_[:STAMP]:
        milliseconds = milliseconds * len(ALPHABET) + ALPHABET.index(sign)
    return EPOCH + timedelta(milliseconds=milliseconds)


def _written(value: int) -> str:
    return "".join([PAIRS[value >> shift & 1023] for shift in SHIFTS])
