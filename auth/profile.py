"""What a provider says of a person besides who it is. It comes in the ID token, from userinfo, or not at all."""

from typing import Any

from msgspec import Struct

NAME_LENGTH = 255
EMAIL_LENGTH = 254


class Profile(Struct, frozen=True, kw_only=True):
    """As received: providers leave things out and spell `true` in many ways, so nothing is typed yet."""

    name: Any = None
    email: Any = None
    email_verified: Any = None

    @property
    def is_complete(self) -> bool:
        return self.name is not None and self.email is not None and self.email_verified is not None

    @property
    def verified_email(self) -> str | None:
        """Only the boolean counts: "true" may be what somebody typed into a form."""
        email = self.email
        if self.email_verified is not True or not isinstance(email, str) or not email.isprintable() or " " in email:
            return None
        return email if "@" in email and len(email) <= EMAIL_LENGTH else None

    @property
    def plain_name(self) -> str | None:
        if not isinstance(self.name, str):
            return None
        printable = "".join(char if char.isprintable() else " " for char in self.name)
        return " ".join(printable.split())[:NAME_LENGTH] or None
