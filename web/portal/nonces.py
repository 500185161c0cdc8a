"""What makes two sendings of one form one thing: each form that is shown carries a nonce of its own."""

import re
import secrets
from typing import Annotated

from msgspec import Meta

BYTES = 24
PATTERN = r"^[A-Za-z0-9_-]{16,43}\Z"

Nonce = Annotated[str, Meta(pattern=PATTERN)]


def new_nonce() -> str:
    return secrets.token_urlsafe(BYTES)


def is_nonce(text: str) -> bool:
    return re.match(PATTERN, text) is not None
