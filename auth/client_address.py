"""Whom a limit counts for. Good enough to share out tries fairly; never a proof of anything."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

HALF = 64  # bits of an IPv6 address that one customer of a provider has to himself


def client_address(peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Name the address that somebody comes from, the way they come through our own proxy included.

    A peer on a private address is that proxy, and the last entry of X-Forwarded-For is the one that it wrote itself.
    Without this all customers would share the tries of one. What a public peer forwards, it may have made up.
    """
    address = _parsed(peer)
    if address is None:
        return peer
    told = [entry for key, value in headers if key == b"x-forwarded-for" for entry in value.split(b",")]
    if address.is_private and told:
        address = _parsed(told[-1].decode("latin-1")) or address
    return str(IPv6Network((int(address), HALF), strict=False)) if isinstance(address, IPv6Address) else str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
