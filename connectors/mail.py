"""E-mail addresses as back offices keep them, and when two are the same."""

import re

_ADDRESS = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")


def addresses_in(text: str) -> list[str]:
    """Every address in a field that may hold names and several of them: "Ann <ann@a.example>; office@a.example"."""
    return _ADDRESS.findall(text)


def same_address(one: str, other: str) -> bool:
    """Alike but for the case of A to Z. Unicode's own folding would make one of addresses that two people have."""
    return one.encode().lower() == other.encode().lower()


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]
