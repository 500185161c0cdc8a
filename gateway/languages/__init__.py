"""The words that customers read, in the language of whoever reads them.

English is what the code says, and what every other language is looked up by. The language belongs to a request or to a
mail (see `speaking`), so that no function has to pass it on.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

ENGLISH = "en"
_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language() -> str:
    """The language of this request or mail: "en", "de", "fr"."""
    return _spoken.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Write everything within in this language."""
    token = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(token)


def gettext(text: str, /, **values: object) -> str:
    """Say a sentence of ours. `values` fill its {places}; without any, braces are what they are."""
    return _fill(found(text), values)


def ngettext(one: str, more: str, number: int, /, **values: object) -> str:
    """Say a sentence of ours that counts: {n} is the number, as the language writes it."""
    return _fill(found_for(number, one, more), {"n": number, **values})


def pgettext(context: str, text: str, /, **values: object) -> str:
    """Say a sentence whose English means two things: `context` says which."""
    return _fill(found(text, context), values)


def gettext_noop(text: str, /) -> str:
    """Mark a sentence in a table, so that it gets into the catalogues. Whoever shows it calls `gettext`."""
    return text


def phrase(text: str, /) -> str:
    """Say what staff may have written: their translation, else ours of the same words, else as it is."""
    return found(text)


def found(text: str, context: str | None = None) -> str:  # noqa: ARG001
    return text


def found_for(number: int, one: str, more: str) -> str:
    return one if number == 1 else more


def _fill(text: str, values: Mapping[str, object]) -> str:
    return text.format(**values) if values else text
