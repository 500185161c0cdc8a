"""Who in the business looks after a customer, as a back office says it."""

import re

from msgspec import Struct

from connectors.mail import addresses_in, is_linkable

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_PHONE = 100, 254, 40
_PHONE = re.compile(r"[+(\d][\d ()/.\-]{3,}(?: ?(?:ext\.?|x) ?\d{1,6})?", re.IGNORECASE | re.ASCII)


class Counterpart(Struct, frozen=True, kw_only=True):
    """One of the business's own people. What is None the back office does not tell."""

    name: str
    email: str | None = None
    phone: str | None = None


def counterpart_of(name: str, *, email: str | None = None, phone: str | None = None) -> Counterpart | None:
    """Make one of what a back office wrote, as far as it can be shown. None: it has no name for them."""
    called = " ".join("".join(each if each.isprintable() else " " for each in name).split())[:LONGEST_NAME].strip()
    if not called:
        return None
    address = next(iter(addresses_in(email or "")), "")
    number = " ".join((phone or "").split())
    is_address = len(address) <= LONGEST_ADDRESS and is_linkable(address)
    is_number = len(number) <= LONGEST_PHONE and _PHONE.fullmatch(number)
    return Counterpart(name=called, email=address if is_address else None, phone=number if is_number else None)
