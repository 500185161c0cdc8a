"""The kinds of files that are taken, each by the ending of its name and by what is in it."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from gateway.languages import gettext_noop
from gateway.uploads.names import suffix_of
from gateway.uploads.zips import NoZip, first_of, names_in

WORDS = gettext_noop("PDF, pictures (JPEG, PNG, GIF, WebP, HEIC), text, CSV, Word, Excel and OpenDocument files")

OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."
MACROS = ("vbaproject.bin", "vbadata.xml")
HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8"}
CONTROLS = bytes(code for code in range(32) if chr(code) not in "\t\n\v\f\r\x1b")


class FileKind(Struct, frozen=True):
    """A kind that is taken. `fits` looks at the content alone."""

    media_type: str
    fits: Callable[[bytes], bool]


def kind_of(name: str) -> FileKind | None:
    """Give the kind that a name says it is. None: none that we take."""
    return KINDS.get(suffix_of(name))


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(starts)


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _is_heic(content: bytes) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in HEIC


def _is_text(content: bytes) -> bool:
    """Text in any alphabet has no bytes that only machines write. What begins as another kind does is that kind."""
    encoding = next((name for bom, name in BOMS.items() if content.startswith(bom)), None)
    if encoding:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            return False
        return not any(chr(code) in text for code in CONTROLS)
    is_another = any(kind.fits(content) for kind in KINDS.values() if kind.media_type not in TEXTS)
    return not is_another and content.translate(None, CONTROLS) == content


def _office(folder: str) -> Callable[[bytes], bool]:
    """Look for the parts that such a file is made of, and for no macros."""

    def fits(content: bytes) -> bool:
        try:
            names = {name.casefold() for name in names_in(content)}
        except NoZip:
            return False
        has_macros = any(name.endswith(MACROS) for name in names)
        return "[content_types].xml" in names and any(name.startswith(folder) for name in names) and not has_macros

    return fits


def _open_document(media_type: str) -> Callable[[bytes], bool]:
    """Look for the first part, which says what it is, and for no macros."""

    def fits(content: bytes) -> bool:
        try:
            names, first = names_in(content), first_of(content)
        except NoZip:
            return False
        has_macros = any(name.startswith(("Basic/", "Scripts/")) for name in names)
        return first == ("mimetype", media_type.encode()) and "content.xml" in names and not has_macros

    return fits


TEXTS = frozenset({"text/plain", "text/csv"})
_JPEG: Final = FileKind("image/jpeg", _begins(b"\xff\xd8\xff"))
_HEIC: Final = FileKind("image/heic", _is_heic)
KINDS: Mapping[str, FileKind] = {
    "pdf": FileKind("application/pdf", _begins(b"%PDF-")),
    "png": FileKind("image/png", _begins(b"\x89PNG\r\n\x1a\n")),
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "gif": FileKind("image/gif", _begins(b"GIF87a", b"GIF89a")),
    "webp": FileKind("image/webp", _is_webp),
    "heic": _HEIC,
    "heif": _HEIC,
    "txt": FileKind("text/plain", _is_text),
    "csv": FileKind("text/csv", _is_text),
    "docx": FileKind(f"{OFFICE}wordprocessingml.document", _office("word/")),
    "xlsx": FileKind(f"{OFFICE}spreadsheetml.sheet", _office("xl/")),
    "odt": FileKind(f"{OPEN}text", _open_document(f"{OPEN}text")),
    "ods": FileKind(f"{OPEN}spreadsheet", _open_document(f"{OPEN}spreadsheet")),
}
ACCEPT = ",".join(f".{suffix}" for suffix in KINDS)  # for a form, so that the browser shows these
