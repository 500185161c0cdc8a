"""Whom a limit counts for. Good enough to share out tries fairly; never a proof of anything."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import structlog

HALF = 64  # bits of an IPv6 address that one customer of a provider has to himself

log = structlog.get_logger()


class Callers:
    """Names the address that somebody comes from. Of what is forwarded, only `proxies` are believed.

    Each proxy adds whom it was called by at the end of X-Forwarded-For: read from there, the first that is no proxy
    of ours is the caller, and whatever lies before it may be made up. The header Forwarded is never read.
    """

    def __init__(self, proxies: Iterable[IPv4Network | IPv6Network]) -> None:
        self._proxies = tuple(proxies)
        self._has_warned = False

    def address(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        address = _parsed(peer)
        if address is None:
            return peer
        told = [entry for key, value in headers if key == b"x-forwarded-for" for entry in value.split(b",")]
        if told and address.is_private and not self._is_proxy(address):
            self._warn(address)
        while told and self._is_proxy(address):
            before = _parsed(told.pop().decode("latin-1"))
            if before is None:
                break
            address = before
        return (
            str(IPv6Network((int(address), HALF), strict=False)) if isinstance(address, IPv6Address) else str(address)
        )

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._proxies)

    def _warn(self, address: IPv4Address | IPv6Address) -> None:
        """Say once what else only customers would notice: all of them share the tries of one."""
        if not self._has_warned:
            self._has_warned = True
            log.warning("forwards for others, and is not in HALLWAY_TRUSTED_PROXIES", address=str(address))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with its port or without."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
