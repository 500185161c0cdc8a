"""Links that a customer may follow."""

import msgspec

from connectors.records import HttpsUrl


def fit(address: str | None) -> str | None:
    """Give the address as it is where a customer may follow it, or nothing."""
    try:
        return msgspec.convert(address, HttpsUrl)
    except msgspec.ValidationError:
        return None
