"""E-mail addresses as back offices keep them, and when two are the same."""

import re

_BETWEEN = re.compile(r"[\s<>,;:\"]+")
_PLAIN = re.compile(r"[^@?&%#/\\]+@[^@?&%#/\\]+")


def addresses_in(text: str) -> list[str]:
    """Every address in a field that may hold names and several of them: "Ann <ann@a.example>; office@a.example"."""
    return [word for word in _BETWEEN.split(text) if "@" in word[1:-1]]


def is_linkable(address: str) -> bool:
    """Tell whether one of `addresses_in` is nothing else in a link either: `ann@a.example?bcc=b@b.example` is more."""
    return address.isprintable() and _PLAIN.fullmatch(address) is not None


def same_address(one: str, other: str) -> bool:
    """Alike but for the case of A to Z. Unicode's own folding would make one of addresses that two people have."""
    return one.encode().lower() == other.encode().lower()


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]
