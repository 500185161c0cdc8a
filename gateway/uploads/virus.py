"""The virus check: a clamd is asked about each file, in its own protocol. Without its word nothing is taken.

https://docs.clamav.net/manual/Usage/Scanning.html#clamd
"""

import asyncio
import struct
from contextlib import suppress

CHUNK = 64 * 1024
WITHIN = 20.0  # seconds for one file
LONGEST_ANSWER = 4096


class NotChecked(Exception):  # noqa: N818  # says what is the matter
    """The check gave no answer that says whether a file is clean. The text is for the log."""


class Clamd:
    """A clamd at `address`: "host:port", or the path of its socket."""

    def __init__(self, address: str, *, within: float = WITHIN) -> None:
        self._address = address
        self._within = within

    async def is_clean(self, content: bytes) -> bool:
        """Raises `NotChecked`."""
        answer = await self._ask(b"zINSTREAM\0", content)
        if answer == "stream: OK":
            return True
        if answer.startswith("stream: ") and answer.endswith(" FOUND"):
            return False
        raise NotChecked(f"clamd says: {answer[:200]!r}")

    async def ping(self) -> None:
        """Raises `NotChecked` where it does not answer."""
        answer = await self._ask(b"zPING\0", None)
        if answer != "PONG":
            raise NotChecked(f"clamd says: {answer[:200]!r}")

    async def _ask(self, command: bytes, content: bytes | None) -> str:
        try:
            async with asyncio.timeout(self._within):
                reader, writer = await self._open()
                try:
                    await _send(writer, command, content)
                    answer = await reader.read(LONGEST_ANSWER)
                finally:
                    writer.close()
                    with suppress(OSError):
                        await writer.wait_closed()
        except TimeoutError:
            raise NotChecked(f"no answer within {self._within:g} s") from None
        except OSError as error:
            raise NotChecked(error.strerror or type(error).__name__) from error
        return answer.rstrip(b"\0\n").decode(errors="replace")

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))


async def _send(writer: asyncio.StreamWriter, command: bytes, content: bytes | None) -> None:
    """Write the command. What clamd refuses to read on it has an answer for all the same."""
    writer.write(command)
    if content is None:
        return
    with suppress(ConnectionResetError, BrokenPipeError):
        for start in range(0, len(content), CHUNK):
            piece = content[start : start + CHUNK]
            writer.write(struct.pack("!I", len(piece)) + piece)
            await writer.drain()
        writer.write(struct.pack("!I", 0))
        await writer.drain()
