"""Which of a provider's names for people and sessions can be stored and compared without surprises."""

from typing import TypeGuard

LONGEST = 255


def is_plain(name: object) -> TypeGuard[str]:
    """Tell whether it is printable ASCII that is not blank and fits its column."""
    if not isinstance(name, str) or len(name) > LONGEST:
        return False
    return name.isascii() and name.isprintable() and bool(name.strip())
