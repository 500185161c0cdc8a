"""The customer number that a provider vouches for, in a claim that the settings name."""

from typing import Any

import msgspec

from auth.plain import is_plain
from auth.signatures import parse


def customer_in(id_token: str, claim: str | None) -> str | None:
    """Read the claim from an ID token whose signature has been checked. None: there is none that can be used.

    Only text counts, as it is written: a number would lose its leading zeros, and what has spaces at its ends may have
    been typed by anybody.
    """
    if claim is None:
        return None
    value = msgspec.json.decode(parse(id_token).payload, type=dict[str, Any]).get(claim)
    return value if is_plain(value) and value == value.strip() else None
