"""Comparing secrets without telling by the time it takes how much of them was right."""

import hmac


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Compare whatever a stranger may send: it need not be ASCII, nor proper text."""
    return hmac.compare_digest(_raw(given), _raw(expected))


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
