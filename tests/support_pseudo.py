"""A language in which what is not translated shows: every sentence of ours has accents, brackets, and is longer.

Days and figures are German ones: what writes them in English by itself shows, too.
"""

import re
from collections.abc import Iterator

import pytest
from babel import Locale
from gather_words import gathered

from gateway import languages
from gateway.languages import catalogue
from gateway.languages.catalogue import Catalogue, Key

PSEUDO = "en-XA"
PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ACCENTED = "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž"
PLACE = re.compile(r"(\{[^{}]*\})")
LONGER = 0.4  # as German is, of short labels


def pseudo(text: str) -> str:
    """Say a sentence in it; what stands in braces stays."""
    parts = PLACE.split(text)
    said = "".join(part if PLACE.fullmatch(part) else part.translate(TABLE) for part in parts)
    more = "·" * max(1, round(len(text) * LONGER))
    return f"[{said} {more}]"


TABLE = str.maketrans(PLAIN, ACCENTED)


def pseudo_catalogue() -> Catalogue:
    said: dict[Key, tuple[str, ...]] = {}
    for message in gathered():
        if message.id:
            forms = (message.id,) if isinstance(message.id, str) else tuple(message.id)
            said[message.context, forms[0]] = tuple(map(pseudo, forms))
    return Catalogue(code=PSEUDO, locale=Locale("de"), said=said, plural=lambda number: int(number != 1))


@pytest.fixture(scope="session")
def pseudo_language() -> Iterator[str]:
    """Know the language, until the last test of this process has ended."""
    catalogue.add(pseudo_catalogue())
    yield PSEUDO
    catalogue._others.pop(PSEUDO)
    languages._voices.pop(PSEUDO, None)
