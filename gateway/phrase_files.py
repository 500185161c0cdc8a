"""Phrases of one language as a file that translators know: gettext's .po."""

from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Mapping
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileParser, write_po
from msgspec import Struct

from gateway.staff_texts import StaffText

HEADER = "# What staff have written, for translators. Only what stands in the second line of each pair is taken in."


class PhraseFileError(Exception):
    """A file that cannot be taken in. The text is a sentence."""


class _Found(Catalog):
    """What a file says. It is not asked how many numbers its language has: as many places would be made for each."""

    num_plurals = 6  # the most that any language has


class PhraseFile(Struct, frozen=True, kw_only=True):
    """What a file says, by what staff wrote. `unsure` are marked as fuzzy, and left out."""

    said: Mapping[str, str]
    unsure: int = 0


def dump(texts: Iterable[StaffText], said: Mapping[str, str], language: str) -> bytes:
    catalogue = Catalog(header_comment=HEADER, fuzzy=False)
    for each in texts:
        catalogue.add(each.text, said.get(each.text, ""), auto_comments=[each.place])
    out = BytesIO()
    write_po(out, catalogue, width=0)
    lines = out.getvalue().splitlines(keepends=True)
    kept = (
        line for line in lines if not line.startswith((b'"Project-Id', b'"Report-', b'"Last-', b'"Language', b'"PO-'))
    )
    return b"".join(kept).replace(b'"MIME-Version', f'"Language: {language}\\n"\n"MIME-Version'.encode(), 1)


def load(content: bytes, language: str, offered: Collection[str] = ()) -> PhraseFile:
    """Read a file that somebody sent, of one of the languages that are offered. Raises `PhraseFileError`."""
    try:
        lines = content.removeprefix(BOM_UTF8).splitlines(keepends=True)
        found = _Found()
        PoFileParser(found, ignore_obsolete=True, abort_invalid=True).parse(lines)
        header = dict(found.mime_headers)
    except Exception:  # noqa: BLE001  # whatever somebody sent
        raise PhraseFileError("This is no .po file that can be read. Export one, fill it in and send that.") from None
    of = header.get("Language", "").strip()
    if of and not _is_of(of, language, offered):
        raise PhraseFileError(f"This file says that it is of another language than {language}.")
    said: dict[str, str] = {}
    unsure = 0
    for message in found:
        if not message.id:
            continue
        if not isinstance(message.id, str) or not isinstance(message.string, str | None):
            raise PhraseFileError("This file has a text in several numbers. Staff’s texts have none.")
        text = (message.string or "").strip()
        if message.fuzzy:
            unsure += 1
        elif text:
            said[message.id] = text
    if not said and not unsure:
        raise PhraseFileError("There is no text in this file that says anything.")
    return PhraseFile(said=said, unsure=unsure)


def _is_of(named: str, language: str, offered: Collection[str]) -> bool:
    """Whether a file of a language, as some program names it, is of ours: "de_DE" is "de", where no other German is."""
    named, language = _plain(named), _plain(language)
    alike = [each for each in offered if _main(each) == _main(language)]
    return named == language or (_main(named) == _main(language) and len(alike) <= 1)


def _plain(code: str) -> str:
    return code.replace("_", "-").casefold()


def _main(code: str) -> str:
    return _plain(code).partition("-")[0]
