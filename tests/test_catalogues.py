"""What the catalogues must be: whole, and safe to fill."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from gather_words import FOR_STAFF, PYTHON, TEMPLATE, gathered, updated, written
from support_tree import ROOT, tracked

from gateway.languages.catalogue import FOLDER, catalogue_of, known, locale_of, parsed

PLACES = re.compile(r"\{[^{}]*\}")
MARKS = re.compile(r"</?[a-z]|&[a-z#0-9]+;")
FILES = sorted(FOLDER.glob("*.po"))
PROMISED = ("de", "fr")


@pytest.fixture(scope="module")
def said_by_the_code() -> Catalog:
    return gathered()


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=locale_of(path.stem))


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def english(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def test_has_every_sentence_that_the_code_says(said_by_the_code: Catalog) -> None:
    """`make words` brings it up to date."""
    assert TEMPLATE.read_bytes() == written(said_by_the_code)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_has_the_same_sentences_in_every_language(path: Path, said_by_the_code: Catalog) -> None:
    """`make words` brings it up to date."""
    assert path.read_bytes() == written(updated(path.stem, said_by_the_code))


@pytest.mark.parametrize("code", PROMISED)
def test_can_say_everything(code: str) -> None:
    assert catalogue_of(code).missing == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fills_the_same_places_and_brings_no_html(path: Path) -> None:
    """A place that English has not would end the page, and marks of HTML would be seen."""
    wrong = []
    for message in read(path):
        one, *rest = english(message)
        places = set(PLACES.findall(" ".join([one, *rest])))
        needed = set.intersection(*(set(PLACES.findall(each)) for each in (one, *rest)))
        for said in filter(None, forms(message) if message.id else ()):
            found = set(PLACES.findall(said))
            if not needed - {"{n}"} <= found <= places or MARKS.findall(said) != MARKS.findall(one):
                wrong.append((one, said))
            if {"{", "}"} & set(PLACES.sub("", said)):
                wrong.append((one, said))
    assert wrong == []


def test_gathers_what_is_said_wherever_it_stands(said_by_the_code: Catalog) -> None:
    """What reads Python for catalogues does not look into f-strings."""
    known = {sentence for message in said_by_the_code if message.id for sentence in english(message)}
    lost = []
    for name in sorted(tracked("gateway", "auth", "web")):
        if name.endswith(".py") and not FOR_STAFF.match(name):
            for call in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in PYTHON:
                    which = (2,) if call.func.id == "pgettext" else PYTHON[call.func.id] or (1,)
                    said = [call.args[place - 1] for place in which if isinstance(place, int)]
                    lost += [
                        (name, each.value)
                        for each in said
                        if isinstance(each, ast.Constant) and each.value not in known
                    ]
    assert lost == []


def test_names_no_machine_and_no_day() -> None:
    for path in (TEMPLATE, *FILES):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^#: .*(:\d|^/)|POT-Creation|Revision-Date|@", text, re.MULTILINE), path


def test_knows_languages_of_a_region(said_by_the_code: Catalog) -> None:
    found = parsed("pt-BR", written(updated("pt-BR", said_by_the_code)))
    assert (found.code, str(found.locale), found.title) == ("pt-BR", "pt_BR", "Português (Brasil)")
    assert found.plural(0) == 0


def test_knows_english_and_every_file() -> None:
    assert known()[0] == "en"
    assert set(known()) >= {"en", *PROMISED}
