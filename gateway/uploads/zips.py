"""What is in a zip, by its own table of contents. Nothing is ever unpacked.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 and 4.3.16.
"""

import struct

MOST_ENTRIES = 5_000
MOST_BYTES = 1_000_000  # of the table
LONGEST_COMMENT = 65_535

_END = struct.Struct("<4s4H2IH")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_STORED = 0


class NoZip(Exception):  # noqa: N818  # says what is the matter
    """This is no zip, or none that a program for letters and tables writes."""


def names_in(content: bytes) -> frozenset[str]:
    """Name what is in it. Raises `NoZip`, also for one that begins or ends with something else."""
    if not content.startswith(b"PK\x03\x04"):
        raise NoZip
    at = content.rfind(b"PK\x05\x06", max(0, len(content) - _END.size - LONGEST_COMMENT))
    if at < 0 or at + _END.size > len(content):
        raise NoZip
    _, disk, first_disk, here, entries, size, start, comment = _END.unpack_from(content, at)
    if disk or first_disk or here != entries or not 0 < entries <= MOST_ENTRIES or size > MOST_BYTES:
        raise NoZip
    if start + size != at or at + _END.size + comment != len(content):
        raise NoZip
    return frozenset(_names(content, start, at, entries))


def first_of(content: bytes) -> tuple[str, bytes]:
    """Give the name and the bytes of what is stored first and not compressed. Raises `NoZip`."""
    if len(content) < _LOCAL.size:
        raise NoZip
    signature, _, _, method, _, _, _, size, _, name, extra = _LOCAL.unpack_from(content)
    if signature != b"PK\x03\x04" or method != _STORED:
        raise NoZip
    start = _LOCAL.size + name + extra
    return _text(content[_LOCAL.size : _LOCAL.size + name]), content[start : start + size]


def _names(content: bytes, at: int, end: int, entries: int) -> list[str]:
    names = []
    for _ in range(entries):
        if at + _ENTRY.size > end or not content.startswith(b"PK\x01\x02", at):
            raise NoZip
        fields = _ENTRY.unpack_from(content, at)
        name, extra, comment = fields[10:13]
        at += _ENTRY.size
        names.append(_text(content[at : at + name]))
        at += name + extra + comment
    if at != end:
        raise NoZip
    return names


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
