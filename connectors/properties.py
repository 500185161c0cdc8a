"""What a back office tells of a customer themselves, by which customers are sorted into segments."""

import re
from collections.abc import Callable, Iterable

LONGEST = 200  # letters of a value that are kept
MOST = 50  # values of one property that are kept


def told(value: object) -> tuple[str, ...]:
    """Make texts of what a back office gave: of a list each, of nothing none."""
    values: Iterable[object] = value if isinstance(value, list | tuple) else (value,)
    found = [" ".join(str(each).split())[:LONGEST] for each in values if each is not None and each is not False]
    return tuple(each for each in found if each)[:MOST]


def spelled(pattern: str) -> Callable[[str], bool]:
    """Let a name fit that is spelled so."""
    names = re.compile(pattern)
    return lambda name: names.fullmatch(name) is not None
