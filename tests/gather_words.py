"""Gather the sentences that customers read into the catalogues: `make words`.

The template, hallway.pot, has every sentence. Each language's file has the same ones, with their translations; what the
code says no more is dropped, and what it says anew has none yet. `ADD=es make words` begins a language, `ADD=pt-BR` one
of a region.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from support_tree import ROOT, tracked

from gateway.languages.catalogue import FOLDER, locale_of
from gateway.statuses import SHIPMENTS, UNKNOWN, WORDS
from gateway.topics.file import defaults
from gateway.topics.texts import texts_of

TEMPLATE = FOLDER / "hallway.pot"
# How sentences are said, and which arguments are the sentence; see `gateway.languages`.
PYTHON = {
    "gettext": None,
    "gettext_noop": None,
    "found": None,
    "ngettext": (1, 2),
    "found_for": (2, 3),
    "pgettext": ((1, "c"), 2),
}
TEMPLATES = {"_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
FOR_STAFF = re.compile(r"gateway/(cli|demo)/|web/console/|.*/staff_[^/]*$|web/templates/(desk|mailbox|viewing)\.html$")
UNSTEADY = re.compile(
    rb'^"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By|Report-Msgid).*\n', re.MULTILINE
)
HEADER = "# What customers read. Its sentences are gathered by `make words`; see docs/languages.md.\n#"

Sentence = str | tuple[str, ...]


def gathered() -> Catalog:
    """Give every sentence, with the files that say it."""
    catalogue = Catalog(project="Hallway", version="1", header_comment=HEADER, fuzzy=False)
    for place, sentence, context in (*_in_files(), *_in_tables()):
        catalogue.add(sentence, locations=[(place, 0)], context=context)
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """Write a file that is another one only when its sentences are."""
    out = BytesIO()
    write_po(out, catalogue, width=0, include_lineno=False, ignore_obsolete=True)
    return UNSTEADY.sub(b"", out.getvalue())


def updated(code: str, template: Catalog) -> Catalog:
    """Bring a language to what the code says today."""
    path = FOLDER / f"{code}.po"
    catalogue = Catalog(locale=locale_of(code))
    if path.is_file():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=locale_of(code))
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.project, catalogue.version = template.project, template.version
    catalogue.header_comment, catalogue.fuzzy = HEADER, False
    return catalogue


def _in_files() -> Iterator[tuple[str, Sentence, str | None]]:
    for name in sorted(tracked("gateway", "auth", "web")):
        if FOR_STAFF.match(name) or ("/templates/" not in name and not name.endswith(".py")):
            continue
        is_template = "/templates/" in name
        method, keywords = ("jinja2", TEMPLATES) if is_template else ("python", PYTHON)
        with (ROOT / name).open("rb") as file:
            found = extract(method, file, keywords, options={"silent": "false"} if is_template else None)
            for _, sentence, _, context in found:
                yield name, sentence, context


def _in_tables() -> Iterator[tuple[str, str, None]]:
    """Give what is ours of the texts that staff may write."""
    for table in (*WORDS.values(), SHIPMENTS, {"": UNKNOWN}):
        for status in table.values():
            for text in (status.label, status.meaning, status.next_step):
                yield "gateway/statuses.py", text, None
    for named in defaults():
        for text in texts_of(named.topic):
            yield "gateway/topics/defaults.toml", text, None


def main(environ: Mapping[str, str]) -> None:
    template = gathered()
    TEMPLATE.write_bytes(written(template))
    codes = {path.stem for path in FOLDER.glob("*.po")} | set(environ.get("ADD", "").replace("_", "-").split())
    for code in sorted(codes):
        catalogue = updated(code, template)
        (FOLDER / f"{code}.po").write_bytes(written(catalogue))
        missing = sum(not message.string or not all(message.string) for message in catalogue if message.id)
        sys.stdout.write(f"{code}: {len(catalogue)} sentences, {missing} of them without a translation\n")


if __name__ == "__main__":
    main(os.environ)
