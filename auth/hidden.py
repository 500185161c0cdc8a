"""Text that must not end up in a log: tokens of ours and of the sign-in provider."""

from typing import Protocol


class Revealing(Protocol):
    """Whatever hides a text until it is asked by name, wherever it was defined."""

    def reveal(self) -> str: ...


class Hidden:
    """A text that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Hidden(***)"

    __str__ = __repr__
