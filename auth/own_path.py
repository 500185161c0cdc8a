"""Where a person may be sent after signing in: a page of ours, and nowhere else."""

import re
from urllib.parse import unquote

HOME = "/"
MAX_LENGTH = 1024
PRINTABLE = re.compile(r"/[!-~]*")  # ASCII without spaces and control characters
SIGN_IN_PAGES = re.compile(r"/(sign-in|sign-out|signed-out|auth)([/?#]|$)")  # to go back there is to go in circles


def own_path(wanted: str | None) -> str:
    r"""Give back a path with its query if it can only mean a page of this site; else the home page.

    Browsers read `//host` and `/\host` as another site, and drop tabs and line ends while reading. What is encoded
    is judged as if it were not, however often it was encoded: a proxy on the way may decode it.
    """
    if wanted is None or len(wanted) > MAX_LENGTH or not PRINTABLE.fullmatch(wanted):
        return HOME
    plain = _decoded(wanted)
    if plain is None or not plain.isprintable() or "\\" in plain or "//" in re.split(r"[?#]", plain)[0]:
        return HOME
    return HOME if SIGN_IN_PAGES.match(plain) else wanted


def _decoded(text: str) -> str | None:
    """Decode until nothing is left to decode. None: encoded more often than anybody with good intentions does."""
    for _ in range(4):
        plain = unquote(text)
        if plain == text:
            return plain
        text = plain
    return None
