"""Which addresses this deployment calls. Admins type them, so none may reach into a private network by mistake."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx
from msgspec import Struct

from connectors.errors import AddressRefused

# Our own table, because what `ipaddress` calls global changes between patch releases of Python.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # another cloud's metadata, at a public address
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
# Everything else is loopback, private, link-local, multicast or a disguise of IPv4 (mapped, compatible, NAT64).
_PUBLIC_IPV6 = IPv6Network("2000::/3")


class AddressPolicy(Struct, frozen=True, kw_only=True):
    """What the operator allows. Every refusal is an `AddressRefused` that says what to do."""

    allow_http: bool = False
    allow_private: bool = False

    def check_url(self, url: httpx.URL) -> None:
        """Refuse a URL for what it says, before any name is resolved."""
        if url.scheme not in ("http", "https") or not url.host:
            raise AddressRefused("This is not a web address. Write it like https://erp.example.com")
        if url.userinfo:
            raise AddressRefused("Leave the user name and password out of the address: they have fields of their own")
        if url.scheme == "http" and not self.allow_http:
            raise AddressRefused(
                f"{url.host} would be asked without encryption. Use https, or set HALLWAY_ALLOW_HTTP_SOURCES=true"
            )

    def check_address(self, host: str, address: str) -> None:
        """Refuse one of the IP addresses that `host` stands for."""
        if not self.allow_private and not is_public(ip_address(address)):
            raise AddressRefused(
                f"{host} stands for {address}, which is not on the public internet. "
                "Use a public address, or set HALLWAY_ALLOW_PRIVATE_SOURCES=true"
            )


def parse_base_url(text: str, policy: AddressPolicy) -> httpx.URL:
    """Read the address of a back office as an admin typed it. Raises `AddressRefused`."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        # Without the cause: its text may quote a part of a password.
        raise AddressRefused("This is not a web address. Write it like https://erp.example.com") from None
    policy.check_url(url)
    if url.query or url.fragment:
        raise AddressRefused(f"Leave out what follows the ? or # in the address of {url.host}")
    return url


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could reach it. What we do not know is not public."""
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    return not any(address in network for network in _NOT_PUBLIC)
