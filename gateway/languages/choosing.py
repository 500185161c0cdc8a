"""Which language somebody gets: what they chose, else what their browser asks for, else the business's own."""

import re
from functools import lru_cache

from msgspec import Struct

WISH = re.compile(r"(?P<code>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*(?P<weight>[01](?:\.\d{0,3})?))?")
LONGEST, MOST = 500, 20  # signs and wishes of a browser that are read


class Languages(Struct, frozen=True):
    """What is offered, in that order, and the business's own."""

    offered: tuple[str, ...]
    default: str

    def of(self, code: str | None) -> str | None:
        """Give a language that somebody chose. None: they chose none that is offered today."""
        return code if code in self.offered else None

    def wanted(self, header: str) -> str:
        """Read an Accept-Language."""
        return _wanted(self, header[:LONGEST])


@lru_cache(maxsize=1000)
def _wanted(languages: Languages, header: str) -> str:
    wishes: list[tuple[float, str]] = []
    for part in header.split(",")[:MOST]:
        wish = WISH.fullmatch(part.strip())
        weight = float(wish["weight"] or 1) if wish else 0
        if wish and weight > 0:
            wishes.append((weight, languages.default if wish["code"] == "*" else wish["code"]))
    found = (_closest(languages, code) for _, code in sorted(wishes, key=lambda wish: -wish[0]))
    return next(filter(None, found), languages.default)


def _closest(languages: Languages, code: str) -> str | None:
    """Find "de" for "de-AT", too."""
    offered = {each.lower(): each for each in languages.offered}
    parts = code.lower().split("-")
    shorter = ("-".join(parts[:many]) for many in range(len(parts), 0, -1))
    return next((offered[each] for each in shorter if each in offered), None)
