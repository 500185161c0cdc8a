"""A thing as the key to what was made of it."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Same(Generic[T]):
    """Equal to itself alone, whatever else says the same: to compare long lists takes longer than to use them.

    It is for things that never change. A cache that holds it holds the thing, so no other one is taken for it.
    """

    __slots__ = ("it",)

    def __init__(self, it: T) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)
