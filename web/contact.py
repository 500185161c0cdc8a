"""Whom a customer can talk to."""

import re
from urllib.parse import quote

from msgspec import Struct

from gateway.languages import phrase
from gateway.office_hours import OfficeHours

_NUMBER = re.compile(r"[+\d][^a-z,;#+]*", re.IGNORECASE | re.ASCII)  # up to an extension, or to a second number


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
        """What a telephone is told. The (0) of "+49 (0)30" is for those who call from within the country."""
        found = _NUMBER.search(self.phone or "")
        number = found.group() if found else ""
        if number.startswith(("+", "00")):
            number = number.replace("(0)", "", 1)
        return re.sub(r"[^\d+]", "", number)

    @property
    def mailto(self) -> str:
        """The address as a link has it, and nothing else in it."""
        return quote(self.email or "", safe="@+")
