"""Ids of ours: 26 characters that sort by the time they were made, safe in URLs and in file names."""

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing that reads like something else
LENGTH = 26
RANDOM_BITS = 80
PAIRS = [one + other for one in ALPHABET for other in ALPHABET]
SHIFTS = range(5 * (LENGTH - 2), -1, -10)


def new_id() -> str:
    """Join 48 bits of milliseconds and 80 random bits, as a ULID does. Not a secret: it tells its age."""
    value = (time.time_ns() // 1_000_000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    return "".join([PAIRS[value >> shift & 1023] for shift in SHIFTS])
