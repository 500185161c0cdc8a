"""Which hosts are this very machine: what goes there may go without TLS."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Say so of an address or of a name: those of RFC 6761, section 6.3, lead nowhere else."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
