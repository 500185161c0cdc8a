"""What is said in a language: a file of gettext's, as translators keep it, read once in a process."""

from collections.abc import Callable, Mapping
from functools import cache
from gettext import c2py
from pathlib import Path

from babel import Locale
from babel.messages.pofile import read_po
from msgspec import Struct

ENGLISH = "en"  # what the code says: it needs no file
FOLDER = Path(__file__).parent / "catalogues"

Key = tuple[str | None, str]  # a context, and what is said in English; of what counts, for one


class Catalogue(Struct, frozen=True, kw_only=True):
    """`plural` says which of several forms a number wants. `missing` are sentences that have no translation yet."""

    code: str
    locale: Locale
    said: Mapping[Key, tuple[str, ...]]
    plural: Callable[[int], int]
    missing: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How those call the language who speak it."""
        name = self.locale.get_display_name(self.locale) or self.code
        return name[:1].upper() + name[1:]

    @property
    def direction(self) -> str:
        return self.locale.text_direction


_OF_ENGLISH = Catalogue(code=ENGLISH, locale=Locale(ENGLISH), said={}, plural=lambda number: int(number != 1))
_others: dict[str, Catalogue] = {}  # made by a program, for tests


def known() -> tuple[str, ...]:
    """Name every language that there is, English first."""
    return (*_files(), *_others)


def complete() -> tuple[str, ...]:
    """Name the languages of ours in which every sentence can be said."""
    return tuple(code for code in _files() if not catalogue_of(code).missing)


def catalogue_of(code: str) -> Catalogue:
    """Raises `KeyError` for a language that is not `known`."""
    return _others.get(code) or _read(code)


def add(catalogue: Catalogue) -> None:
    """Know one more language until the process ends."""
    _others[catalogue.code] = catalogue


def locale_of(code: str) -> Locale:
    """Give what Babel knows of a language. One with a region is named as browsers name it: "pt-BR"."""
    return Locale.parse(code, sep="-")


def _files() -> tuple[str, ...]:
    return (ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.po")))


@cache
def _read(code: str) -> Catalogue:
    if code == ENGLISH:
        return _OF_ENGLISH
    if code not in known():
        raise KeyError(code)
    with (FOLDER / f"{code}.po").open("rb") as file:
        return parsed(code, file.read())


def parsed(code: str, content: bytes) -> Catalogue:
    """Read a catalogue. What is marked as fuzzy counts as missing."""
    locale = locale_of(code)
    found = read_po(content.splitlines(keepends=True), locale=locale, ignore_obsolete=True, abort_invalid=True)
    said: dict[Key, tuple[str, ...]] = {}
    missing: list[str] = []
    for message in found:
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[0]
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
        if all(forms) and not message.fuzzy:
            said[message.context, english] = forms
        else:
            missing.append(english)
    return Catalogue(code=code, locale=locale, said=said, plural=c2py(found.plural_expr), missing=tuple(missing))
