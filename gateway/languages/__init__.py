"""The words that customers read, in the language of whoever reads them.

English is what the code says, and what every other language is looked up by. The language belongs to a request or to a
mail (see `speaking`), so that no function has to pass it on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from babel import Locale
from babel.numbers import format_decimal

from gateway.languages.catalogue import ENGLISH, Catalogue, catalogue_of

__all__ = ["ENGLISH"]

P = ParamSpec("P")
T = TypeVar("T")
KEPT = 10_000


class Voice:
    """One language: its catalogue, and what staff have said in it. It is equal to itself alone, so that it is a key."""

    __slots__ = ("catalogue", "code", "locale", "written")

    def __init__(self, catalogue: Catalogue, written: Mapping[str, str]) -> None:
        self.code = catalogue.code
        self.locale = catalogue.locale
        self.catalogue = catalogue
        self.written = written

    def found(self, text: str, context: str | None = None) -> str:
        forms = self.catalogue.said.get((context, text))
        return forms[0] if forms else text

    def found_for(self, number: int, one: str, more: str) -> str:
        forms = self.catalogue.said.get((None, one))
        if forms is None:
            return one if number == 1 else more
        return forms[min(self.catalogue.plural(abs(number)), len(forms) - 1)]


class _Turn:
    """Who speaks in a request. It is one thing for all that runs for it, in whichever task."""

    __slots__ = ("voice",)

    def __init__(self, voice: Voice) -> None:
        self.voice = voice


_voices: dict[str, Voice] = {}
_written: Mapping[str, Mapping[str, str]] = {}  # language -> what staff wrote -> what they said instead
_ENGLISH = _Turn(Voice(catalogue_of(ENGLISH), {}))
_turn: ContextVar[_Turn] = ContextVar("language", default=_ENGLISH)


def voice() -> Voice:
    """Who speaks now. What is kept of words is kept by it: another comes with other words."""
    return _turn.get().voice


def voice_of(code: str) -> Voice:
    """Raises `KeyError` for a language that there is not."""
    found = _voices.get(code)
    if found is None:
        found = _voices[code] = Voice(catalogue_of(code), _written.get(code, {}))
    return found


def language() -> str:
    """The language of this request or mail: "en", "de", "fr"."""
    return _turn.get().voice.code


def locale() -> Locale:
    """What Babel writes dates and figures by."""
    return _turn.get().voice.locale


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Write everything within in this language. Raises `KeyError` for one that there is not."""
    token = _turn.set(_Turn(voice_of(code)))
    try:
        yield
    finally:
        _turn.reset(token)


def speak(code: str) -> None:
    """Go on in this language, within `speaking`: it has turned out who reads."""
    turn = _turn.get()
    if turn is _ENGLISH:
        _turn.set(_Turn(voice_of(code)))
    else:
        turn.voice = voice_of(code)


def know(written: Mapping[str, Mapping[str, str]]) -> None:
    """Take what staff have said in each language, for the whole process, from now on."""
    global _written  # noqa: PLW0603  # it belongs to the process, as the catalogues do
    _written = written
    _voices.clear()


def by_voice(write: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function writes, for each language apart."""

    @lru_cache(maxsize=KEPT)
    def kept(_: Voice, *args: P.args, **kwargs: P.kwargs) -> T:
        return write(*args, **kwargs)

    @wraps(write)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> T:
        return kept(_turn.get().voice, *args, **kwargs)  # type: ignore[arg-type]  # what is kept can be hashed

    return spoken


def gettext(text: str, /, **values: object) -> str:
    """Say a sentence of ours. `values` fill its {places}; without any, braces are what they are."""
    return _fill(found(text), values)


def ngettext(one: str, more: str, number: int, /, **values: object) -> str:
    """Say a sentence of ours that counts: {n} is the number, as the language writes it."""
    return _fill(found_for(number, one, more), {"n": whole(number), **values})


def pgettext(context: str, text: str, /, **values: object) -> str:
    """Say a sentence whose English means two things: `context` says which."""
    return _fill(found(text, context), values)


def gettext_noop(text: str, /) -> str:
    """Mark a sentence in a table, so that it gets into the catalogues. Whoever shows it calls `gettext`."""
    return text


def phrase(text: str, /) -> str:
    """Say what staff may have written: their translation, else ours of the same words, else as it is."""
    return _turn.get().voice.written.get(text) or found(text)


def found(text: str, context: str | None = None) -> str:
    return _turn.get().voice.found(text, context)


def found_for(number: int, one: str, more: str) -> str:
    return _turn.get().voice.found_for(number, one, more)


@by_voice
def whole(number: int) -> str:
    """Write a count in figures: "1,204"."""
    return format_decimal(number, locale=locale())


def _fill(text: str, values: Mapping[str, object]) -> str:
    return text.format(**values) if values else text
