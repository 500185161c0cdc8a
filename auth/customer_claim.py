"""The customer number that a provider vouches for, in a claim that the settings name."""

from typing import Any

import msgspec

from auth.plain import is_plain


def claimed_customer(payload: bytes, claim: str | None) -> str | None:
    """Read a claim of a checked ID token. None: there is none that can be used.

    Only text counts, as it is written: a number would lose its leading zeros, and what has spaces at its ends may have
    been typed by anybody.
    """
    if claim is None:
        return None
    value = msgspec.json.decode(payload, type=dict[str, Any]).get(claim)
    return value if is_plain(value) and value == value.strip() else None
