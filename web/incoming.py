"""A form with files on its way in: its fields in memory, its files in temporary ones, neither beyond their limits.

What is too much is read to its end and thrown away: a browser that is cut off shows no answer.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import structlog
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from auth.cross_site import FILES, MAX_WORDS_BYTES, WRITTEN, FilesPart
from gateway.languages import gettext, gettext_noop
from gateway.uploads.checking import Given, Limits, NotTaken

MOST_FIELDS = 100

NO_ROOM = gettext_noop("Files cannot be kept right now. Try again in a few minutes, or send your message without them.")
NONE_HERE = gettext_noop("Files cannot be sent here. Send your message without them.")

log = structlog.get_logger()


class Incoming:
    """`begin` is called before the first file is kept, and may raise `NotTaken`."""

    def __init__(self, limits: Limits, begin: Callable[[], None]) -> None:
        self._limits = limits
        self._begin = begin
        self._field_bytes = self._file_bytes = self._size = 0
        self._part: UploadFile | bytearray | None = None  # None: it goes nowhere
        self._name = ""
        self._files_part: FilesPart | None = None
        self.fields: dict[str, str] = {}
        self.files: list[UploadFile] = []
        self.has_begun = False  # with the first file
        self.problem: str | None = None  # why no file is taken

    async def read(self, request: Request[Any, Any, Any], boundary: str) -> None:
        """Raises what `web.body` does, and `ClientException` for what is no form."""
        try:
            with PushMultipartParser(boundary, max_segment_count=MOST_FIELDS) as parser:
                async for chunk in request.stream():
                    for event in parser.parse(chunk) if chunk else ():
                        await self._take(event)
        except (MultipartError, UnicodeDecodeError) as error:
            raise ClientException("Not a form.") from error
        scope: Any = request.scope  # with what we keep in it
        scope[WRITTEN], scope[FILES] = urlencode(self.fields).encode(), self._files_part

    async def given(self) -> list[Given]:
        """Give the files, held whole."""
        found = []
        for file in self.files:
            await file.seek(0)
            found.append(Given(file.filename, await file.read()))
        return found

    async def aclose(self) -> None:
        """Delete the temporary files."""
        for file in self.files:
            await file.close()

    async def _take(self, event: MultipartSegment | bytes | None) -> None:
        try:
            if isinstance(event, MultipartSegment):
                self._start(event)
            elif event is None:
                self._end()
            elif isinstance(self._part, UploadFile):
                await self._add_to(self._part, event)
            elif self._part is not None:
                self._field_bytes += len(event)
                if self._field_bytes > MAX_WORDS_BYTES:
                    raise RequestEntityTooLarge
                self._part += event
        except NotTaken as error:
            self._refuse(str(error))
        except OSError as error:
            log.error("no room for files", error=error.strerror)  # noqa: TRY400  # the traceback tells nothing more
            self._refuse(gettext(NO_ROOM))

    def _start(self, segment: MultipartSegment) -> None:
        self._name, self._size = segment.name, 0
        if segment.filename is None:
            self._part = bytearray()
            return
        has_any = bool(segment.filename or (self._files_part and self._files_part.has_any))
        self._files_part = FilesPart(segment.name, has_any)
        if segment.filename == "" or self.problem:  # a field in which no file was chosen has no name
            self._part = None
        else:
            if not self._limits.size:
                raise NotTaken(gettext(NONE_HERE))
            self._limits.check_name(segment.filename, len(self.files) + 1)
            if not self.has_begun:
                self._begin()
                self.has_begun = True
            self._part = UploadFile("", segment.filename)
            self.files.append(self._part)

    async def _add_to(self, file: UploadFile, piece: bytes) -> None:
        self._size += len(piece)
        self._file_bytes += len(piece)
        self._limits.check_size(file.filename, self._size, self._file_bytes)
        await file.write(piece)

    def _end(self) -> None:
        if isinstance(self._part, bytearray):
            self.fields.setdefault(self._name, self._part.decode())
        self._part = None

    def _refuse(self, problem: str) -> None:
        self.problem = self.problem or problem
        self._part = None
