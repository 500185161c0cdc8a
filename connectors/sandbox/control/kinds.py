"""What can be changed by hand, in whichever system."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

Change = Callable[[int, Mapping[str, str], datetime], None]  # the id, the new value of each choice, and when


class Choice(Struct, frozen=True):
    """One state of a record, in the vendor's words, and those it could be in. An empty one says that it has none."""

    name: str
    value: str
    options: tuple[str, ...]


class Item(Struct, frozen=True):
    """A record. One without choices stays as it is: `state` says why."""

    id: int
    name: str
    about: str
    at: datetime
    choices: tuple[Choice, ...]
    state: str = ""


class Kind(Struct, frozen=True):
    title: str
    items: Callable[[], Sequence[Item]]
    change: Change


class System(Struct, frozen=True):
    title: str
    kinds: Mapping[str, Kind]
