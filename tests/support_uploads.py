"""Files of every kind that is taken, and a virus check on a real socket that knows one virus."""

import asyncio
import struct
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from io import BytesIO
from pathlib import Path

# The harmless file that every virus check finds: https://www.eicar.org. In two halves, so that none finds it here.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def zipped(*names: str, first: tuple[str, bytes] | None = None, content: bytes = b"<x/>") -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        if first:
            archive.writestr(zipfile.ZipInfo(first[0]), first[1], zipfile.ZIP_STORED)
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def open_document(kind: str, *names: str) -> bytes:
    media_type = f"application/vnd.oasis.opendocument.{kind}".encode()
    return zipped("content.xml", "META-INF/manifest.xml", *names, first=("mimetype", media_type))


def word(*names: str, content: bytes = b"<x/>") -> bytes:
    return zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml", *names, content=content)


GOOD = {
    "a.pdf": PDF,
    "a.png": PNG,
    "a.jpg": b"\xff\xd8\xff\xe0rest",
    "a.JPEG": b"\xff\xd8\xff\xe1rest",
    "a.gif": b"GIF89arest",
    "a.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "a.heic": b"\x00\x00\x00\x18ftypheic\x00\x00",
    "a.txt": "Grüße, 漢字\r\n".encode(),
    "b.txt": "Grüße".encode("latin-1"),
    "c.txt": "Grüße".encode("utf-16"),
    "a.csv": b"\xef\xbb\xbfa;b\r\n1;2\r\n",
    "a.docx": word("word/media/image1.png"),
    "a.xlsx": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "a.odt": open_document("text"),
    "a.ods": open_document("spreadsheet"),
}


class FakeClamd:
    """Answers as clamd does. `says` takes the place of what it finds; `size` is what it reads at the most."""

    def __init__(self) -> None:
        self.says: bytes | None = None
        self.size = 1_000_000
        self.seen: list[bytes] = []
        self.silent = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            command = await reader.readuntil(b"\0")
            answer = b"PONG\0" if command == b"zPING\0" else await self._scan(reader)
            if self.silent:
                await asyncio.sleep(3600)
            writer.write(answer if self.says is None else self.says)
            await writer.drain()

    async def _scan(self, reader: asyncio.StreamReader) -> bytes:
        content = b""
        while (length := struct.unpack("!I", await reader.readexactly(4))[0]) > 0:
            content += await reader.readexactly(length)
            if len(content) > self.size:
                return b"INSTREAM size limit exceeded. ERROR\0"
        self.seen.append(content)
        return b"stream: Eicar-Signature FOUND\0" if EICAR in content else b"stream: OK\0"


@asynccontextmanager
async def clamd_at(path: Path | None = None) -> AsyncIterator[tuple[FakeClamd, str]]:
    """Run one at the socket, or else at a port of its own; gives it and its address."""
    clamd = FakeClamd()
    if path:
        server = await asyncio.start_unix_server(clamd, path)
        address = str(path)
    else:
        server = await asyncio.start_server(clamd, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield clamd, address
    finally:
        server.close()
