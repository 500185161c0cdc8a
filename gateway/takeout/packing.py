"""A ZIP that is sent while it is made: what was put in comes out in pieces, and nothing is held for long."""

import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import RawIOBase
from typing import IO

PIECE = 64 * 1024


class _Pipe(RawIOBase):
    """Where the library writes to, and we take from. It cannot be wound back, so nothing is ever written twice."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # what zipfile gives
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class Packing:
    """Each method gives what is ready to be sent."""

    def __init__(self, at: datetime) -> None:
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED)
        self._at = at.timetuple()[:6]

    def put(self, name: str, text: bytes) -> bytes:
        self._zip.writestr(self._info(name), text, zipfile.ZIP_DEFLATED)
        return self._pipe.taken()

    def put_file(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        with self._zip.open(self._info(name), "w") as entry:
            while piece := file.read(PIECE):
                entry.write(piece)
                yield self._pipe.taken()
        yield self._pipe.taken()

    def end(self) -> bytes:
        self._zip.close()
        return self._pipe.taken()

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._at)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return info
