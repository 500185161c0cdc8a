"""The cookies there are, and how they are read.

`__Host-` makes browsers insist on Secure, on the whole site and on this host alone: no neighbour can plant one.
"""

from collections.abc import Iterable
from typing import Literal, TypedDict

SESSION = "__Host-hallway"
# A sign-in under way, at a provider or by e-mail: nothing else is kept for someone not signed in.
PRE_LOGIN = "__Host-hallway-login"
CODE = "__Host-hallway-code"
LANGUAGE = "__Host-hallway-language"  # which a member chose, for pages that do not know who asks


class Attributes(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["lax", "strict", "none"]


# Lax: a person who comes from a mail, or back from the provider, is still signed in.
ATTRIBUTES = Attributes(path="/", secure=True, httponly=True, samesite="lax")


def read(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """Find a cookie among raw headers. Two of one name are none: one of them is not ours."""
    wanted = name.encode()
    found = []
    for header, text in headers:
        if header == b"cookie":
            pairs = [pair.partition(b"=") for pair in text.split(b";")]
            found += [value.strip().decode("latin-1") for key, _, value in pairs if key.strip() == wanted]
    return found[0] if len(found) == 1 else None
