"""Sentences of ours in templates. They may hold pieces of HTML: what is marked as such stays, the rest is escaped.

Templates of plain text escape nothing: they have `PLAIN`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import minijinja

from gateway.languages import found, found_for, gettext, ngettext, pgettext, phrase, whole, writing

# The library's marked text, which every function here gives, has no type of its own.


def said(text: str, /, **values: object) -> Any:  # noqa: ANN401
    """What templates call `_`: a sentence, with `values` in its {places}."""
    return minijinja.safe(_fill(found(text), values))


def said_of(one: str, more: str, number: int, /, **values: object) -> Any:  # noqa: ANN401
    """What templates call `ngettext`: {n} is the number, as the language writes it."""
    return minijinja.safe(_fill(found_for(number, one, more), {"n": whole(number), **values}))


def said_in(context: str, text: str, /, **values: object) -> Any:  # noqa: ANN401
    """What templates call `pgettext`: `context` tells what is meant where English has one word for two things."""
    return minijinja.safe(_fill(found(text, context), values))


def all_of(things: Iterable[object], /) -> Any:  # noqa: ANN401
    """Write several things in a row, as one says them."""
    return minijinja.safe(writing.all_of([str(minijinja.escape(each)) for each in things]))


MARKED: Mapping[str, Callable[..., Any]] = {
    "_": said,
    "ngettext": said_of,
    "pgettext": said_in,
    "phrase": phrase,
    "all_of": all_of,
}
PLAIN: Mapping[str, Callable[..., Any]] = {"_": gettext, "ngettext": ngettext, "pgettext": pgettext, "phrase": phrase}


def _fill(text: str, values: Mapping[str, object]) -> str:
    escaped = minijinja.escape(text)
    return escaped.format(**{name: minijinja.escape(value) for name, value in values.items()}) if values else escaped
