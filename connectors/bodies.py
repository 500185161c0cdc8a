"""Bodies that cannot grow without bound: decoded, counted and timed as they arrive."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from io import BytesIO

import httpx

from connectors.answers import question, wire_errors
from connectors.errors import BadResponse, Unavailable

PIECE = 64 * 1024  # bytes decoded at a time
LARGE = 1_000_000  # bytes
LONGEST_READ = 60.0  # seconds for a whole body, however steadily it drips

_GZIP = 16 + zlib.MAX_WBITS


def async_stream(response: httpx.Response) -> httpx.AsyncByteStream:
    """Give the stream of an answer that can be read without blocking, as all of ours can."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("a body that cannot be read without blocking")
    return response.stream


class Body(httpx.AsyncByteStream):
    """The decoded body of an answer, raising our errors.

    `BadResponse` when it has more than `max_bytes`, decoded or not, or is no gzip although it says so;
    `Unavailable` when it breaks off or takes too long.
    """

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx.Request, *, gzipped: bool, max_bytes: int) -> None:
        self._stream = stream
        self._name = question(request)
        self._request = request
        self._gunzip = _Gunzip() if gzipped else None
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        end = asyncio.get_running_loop().time() + LONGEST_READ
        received = decoded = 0
        while chunk := await self._next(chunks, end):
            received += len(chunk)
            for piece in self._gunzip.pieces(chunk, self._name) if self._gunzip else (chunk,):
                decoded += len(piece)
                if max(received, decoded) > self._max_bytes:
                    raise BadResponse(f"{self._name}: the answer has more than {self._max_bytes} bytes")
                yield piece
        if received and self._gunzip and not self._gunzip.whole:
            raise Unavailable(f"{self._name}: the answer broke off")

    async def _next(self, chunks: AsyncIterator[bytes], end: float) -> bytes:
        """Wait for more bytes; none at the end."""
        try:
            async with asyncio.timeout_at(end):
                with wire_errors(self._request):
                    async for chunk in chunks:
                        if chunk:
                            return chunk
        except TimeoutError as error:
            raise Unavailable(f"{self._name}: the answer took longer than {LONGEST_READ:g} s") from error
        return b""

    async def aclose(self) -> None:
        await self._stream.aclose()


class WholeBody(httpx.AsyncByteStream):
    """A body that is read whole before it is used, and given in one piece: what joins pieces has it twice in memory.

    Of the large ones only the one with the turn goes on, so that they are not all in memory at once.
    """

    def __init__(self, stream: httpx.AsyncByteStream, turn: asyncio.Lock) -> None:
        self._stream = stream
        self._turn = turn
        self._has_turn = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with BytesIO() as whole:  # which lets go of it even where an error that somebody keeps leads here
            async for chunk in self._stream:
                whole.write(chunk)
                if whole.tell() > LARGE and not self._has_turn:
                    await self._turn.acquire()
                    self._has_turn = True
            content = whole.getvalue()
        yield content

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._has_turn:
                self._turn.release()


class _Gunzip:
    """One gzip stream, never decoded further than the reader has come."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP)

    @property
    def whole(self) -> bool:
        return self._inflate.eof

    def pieces(self, data: bytes, name: str) -> Iterator[bytes]:
        while data:
            if self._inflate.eof:
                raise BadResponse(f"{name}: the answer goes on after its gzip stream has ended")
            try:
                piece = self._inflate.decompress(data, PIECE)
            except zlib.error as error:
                raise BadResponse(f"{name}: the answer is no gzip stream") from error
            yield piece
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
