"""Whom a customer can talk to."""

import re

from msgspec import Struct

from gateway.languages import phrase
from gateway.office_hours import OfficeHours


class Contact(Struct, frozen=True, kw_only=True):
    """The person on every page. Whatever is None is left out. `told` is said instead of the hours of the `week`."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    told: str | None = None
    week: OfficeHours | None = None

    @property
    def hours(self) -> str | None:
        """When they are there, in the language of whoever reads it."""
        if self.told:
            return phrase(self.told)
        return self.week.said if self.week else None

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in (self.name or "").split()[:2]).upper()

    @property
    def dial(self) -> str:
        return re.sub(r"[^\d+]", "", self.phone or "")
