"""In which formats an invoice's document comes, and how each begins.

A template of Tryton's makes OpenDocument, unless it is set up to turn that into something else. The type in the
answer's header is guessed by the server's operating system and may be "text/plain", so it is not the one that counts.
"""

from collections.abc import Mapping

from msgspec import Struct

REPORT = "report"  # the id of an invoice's one file


class Format(Struct, frozen=True):
    extension: str
    media_type: str
    start: bytes


_WORD = Format("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04")

# Tryton's words for a format. It has forty more; a document in one of those is not offered.
FORMATS: Mapping[str, Format] = {
    "pdf": Format("pdf", "application/pdf", b"%PDF-"),
    "odt": Format("odt", "application/vnd.oasis.opendocument.text", b"PK\x03\x04"),
    "docx": _WORD,
    "docx7": _WORD,
}
