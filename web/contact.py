"""Whom a customer can talk to."""

import re

from msgspec import Struct


class Contact(Struct, frozen=True, kw_only=True):
    """The person on every page. Whatever is None is left out."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    hours: str | None = None

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in (self.name or "").split()[:2]).upper()

    @property
    def dial(self) -> str:
        return re.sub(r"[^\d+]", "", self.phone or "")
