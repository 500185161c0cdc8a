"""HubSpot's values in ours. All of them are texts; one that was cleared is null, or empty."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.errors import BadResponse

Instant = Annotated[datetime, Meta(tz=True)]

_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def amount(text: str | None) -> Decimal | None:
    if not text:
        return None
    if not _AMOUNT.fullmatch(text):
        raise BadResponse("HubSpot: not an amount")
    return Decimal(text) + 0  # never -0.00


def currency(text: str | None) -> str | None:
    if not text:
        return None
    if not _CURRENCY.fullmatch(text):
        raise BadResponse("HubSpot: not a currency")
    return text


def instant(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return msgspec.convert(text, Instant).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise BadResponse("HubSpot: not a point in time") from None
