"""Finds what is not translated on a page in the language of support_pseudo: what is plain English, and no data."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import html5lib
from babel import Locale
from gather_words import gathered
from support_sent import SENT
from support_tree import ROOT

UNSEEN = {"script", "style", "template"}
READ_OUT = ("aria-label", "aria-description", "title", "placeholder", "alt", "data-label", "data-now", "data-changed")
EDGES = " .,:;()-’'"
RUN = re.compile(r"[A-Za-z0-9@&/#+€$£’'().,:;=_%-]+(?:\s+[A-Za-z0-9@&/#+€$£’'().,:;=_%-]+)*")
CODE = re.compile(r"\b[0-9A-Z]{3} [0-9A-Z]{3} [0-9A-Z]{3}\b")  # of a page
DATA_FILES = ("odoo", "rt", "helpdesk")
# Where tests say what staff and members wrote, and who they are.
MAKERS = ("every_page", "sent", "statuses", "visible", "invited", "portal", "topics", "inviting")
# People and accounts of the stage, what is searched for, a file, and how the helpdesk is set to call its staff.
SAID = {"Maya", "Bakery", "New", "zeppelin", "transfer", "Trade licence pdf", "Support"}
UNITS = {"und", "kB", "MB", "GB", "UTC", "GMT", "EUR", "USD", "PDF", "XML", "CSV"}


def untranslated(html: str) -> list[str]:
    """Give each piece of plain text on a page that is no data, in its order."""
    found: list[str] = []
    for text in texts(html):
        found += [piece for piece in pieces(text) if not is_data(piece)]
    return list(dict.fromkeys(found))


def texts(html: str) -> Iterator[str]:
    """Give what is seen and what is read out. What says that it is in another language of its own may be."""
    page = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
    yield from _texts(page, is_root=True)


def _texts(element: Any, *, is_root: bool = False) -> Iterator[str]:
    if not isinstance(element.tag, str) or element.tag in UNSEEN - {"script"}:
        return
    if (element.get("lang") and element.tag != "html") or element.get("class") == "avatar":
        return
    yield from (element.get(name) for name in READ_OUT if element.get(name))
    if element.tag == "meta" and element.get("name") == "description":
        yield element.get("content")
    if element.tag == "input" and element.get("type") in {"submit", "button"}:
        yield element.get("value") or ""
    if element.tag != "script":
        yield element.text or ""
    for child in element:
        if element.tag != "script":
            yield from _texts(child)
        yield child.tail or ""


def pieces(text: str) -> Iterator[str]:
    """Give the plain runs of words in a text: between them are ours, which have accents."""
    for found in RUN.findall(" ".join(text.split())):
        run = found.strip(EDGES)
        if re.search(r"[A-Za-z]{2}", run):
            yield run


def is_data(piece: str) -> bool:
    """Whether tests or back offices say so, or it is a day, a number or a name of a file or a person's address."""
    if _is_said(piece) or all(map(_is_said, piece.split(" und "))):
        return True
    left = CODE.sub(" ", piece)
    for known in _days():
        left = re.sub(rf"\b{re.escape(known)}(?!\w)", " ", left)
    rest = [word for word in left.split() if word.strip(EDGES) not in UNITS and not re.search(r"[\d@]", word)]
    return not any(re.search(r"[A-Za-z]{2}", word) for word in rest) or _is_said(" ".join(rest))


def _is_said(text: str) -> bool:
    """One word is data only where it is all that something says; of several words a part of it is enough."""
    words = _plain(text)
    if words in _ours() - SAID:
        return False
    return words in _whole() or (" " in words and f" {words} " in _blob())


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


@cache
def _days() -> list[str]:
    """Name months and weekdays as German dates have them."""
    german = Locale("de")
    names = [name for kind in german.months.values() for names in kind.values() for name in names.values()]
    names += [name for kind in german.days.values() for names in kind.values() for name in names.values()]
    return sorted({name.rstrip(".") for name in names if len(name) > 1}, key=len, reverse=True)


@cache
def _ours() -> set[str]:
    """Give our own sentences: tests and back offices may say the same, and it is ours all the same."""
    said = (each for message in gathered() for each in ([message.id] if isinstance(message.id, str) else message.id))
    return {_plain(text) for text in said}


@cache
def _whole() -> set[str]:
    parts = (part for value in _values() for part in re.split(r"[^\w\s,.'’-]", value))
    return {_plain(text) for text in (*_values(), *parts)} | SAID


@cache
def _blob() -> str:
    return " " + " | ".join(_plain(re.sub(r"<[^>]*>", " ", value)) for value in _values()) + " "


@cache
def _values() -> tuple[str, ...]:
    found: list[str] = []
    for name in DATA_FILES:
        found += _strings(json.loads((ROOT / "connector_fixtures/sandbox" / f"{name}.json").read_text("utf-8")))
    for name in MAKERS:
        path = ROOT / "tests" / f"support_{name}.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path.is_file() else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [node.value, *re.findall('"([^"]*)"', node.value)]  # some hold a file of TOML
    found += [f"{said}{state}" for state in SENT for said in ("It is ", "SENT-")] + [
        f"SENT-{state.upper()}" for state in SENT
    ]
    return tuple(found)


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _strings(each)
        case list():
            for each in value:
                yield from _strings(each)
