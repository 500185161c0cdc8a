"""The text of a file that somebody's spreadsheet wrote: in which letters, and parted by what."""

import codecs
import csv

from gateway.links import LinkError

SEPARATORS = (",", ";", "\t")
BEGINS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel and its like, new and old


def text_of(content: bytes) -> str:
    """Read a file by its byte order mark, else as UTF-8, else as Windows writes Western languages. Raises `LinkError`.

    Text that is UTF-8 is hardly ever anything else; what is neither is taken for cp1252.
    """
    if content.startswith(WORKBOOKS):
        raise LinkError("this is a workbook of a spreadsheet: save it there as CSV, and choose that file")
    encodings = [encoding for begin, encoding in BEGINS if content.startswith(begin)] or ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise LinkError("this is no text: save your table as CSV in UTF-8, and choose that file")


def separator_of(head: str) -> str:
    """Say what parts the columns, by the line that names them: a comma, a semicolon or a tab."""
    return max(SEPARATORS, key=lambda each: _columns(head, each))


def _columns(head: str, separator: str) -> int:
    return len(next(csv.reader([head], delimiter=separator), []))
