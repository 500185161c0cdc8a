"""The code on a page: nine letters and digits in three groups, easy to read out and hopeless to guess.

They are 45 bits of a keyed hash over the page and over whom it was for, so the same page shown again has the same code,
and without the key nobody can make one.
"""

import hashlib
import hmac

import msgspec

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})  # what people read and hear instead
LENGTH = 9
GROUP = 3


def make_code(key: bytes, *about: object) -> str:
    """Derive the code of what is told in `about`, which must be plain data."""
    digest = hmac.digest(key, msgspec.json.encode(about), hashlib.sha256)
    number = int.from_bytes(digest[:8], "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(0, 5 * LENGTH, 5))


def spelled(code: str) -> str:
    """Write a code as it stands on a page: K7M 2QX 9TD."""
    return " ".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def read_code(text: str) -> str | None:
    """Understand what somebody typed. None: that can be no code."""
    letters = "".join(letter for letter in text.upper() if letter.isalnum()).translate(ALIKE)
    is_code = len(letters) == LENGTH and all(letter in ALPHABET for letter in letters)
    return letters if is_code else None
