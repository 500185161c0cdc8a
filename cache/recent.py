"""What this process saw last, for as long as Redis is away."""

from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """The latest values by key. `room` counts them; the one that was put first makes room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: dict[str, V] = {}

    def get(self, key: str) -> V | None:
        return self._values.get(key)

    def put(self, key: str, value: V) -> None:
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._room:
            del self._values[next(iter(self._values))]

    def drop(self, key: str) -> None:
        self._values.pop(key, None)
