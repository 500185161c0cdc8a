"""The files of a copy: each in its turn, in bounds of time, number and size, under names that lead nowhere else."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO

import structlog
from msgspec import Struct

from connectors.errors import ConnectorError, NotFound
from gateway.account_view import AccountView
from gateway.documents import Document
from gateway.languages import gettext, ngettext
from gateway.records.database import Database
from gateway.takeout.given import Given, content_of
from gateway.takeout.papers import NAMES

MOST_FILES = 500
MOST_BYTES = 200 * 2**20  # of all files
LARGEST = 25 * 2**20  # a file
IN_MEMORY = 2**20

log = structlog.get_logger()


class FileNote(Struct, frozen=True, kw_only=True):
    """A file, and where it is in the copy. `missing`: why it is not there."""

    name: str
    of: str  # "invoices/erp/2093"
    path: str | None = None
    size: int | None = None
    missing: str | None = None


class _Found(Struct, frozen=True):
    """A file that is to be put in. `fetch` writes it into a place, and says why it is not whole if it is not."""

    kind: str
    of: str
    called: str
    name: str
    size: int | None
    fetch: Callable[[IO[bytes]], Awaitable[str | None]]


class Files:
    """Opens files one after the other, as long as there is room and time."""

    def __init__(self, db: Database, view: AccountView, ends: float, within: timedelta) -> None:
        self._db = db
        self._view = view
        self._ends = ends
        self._within = within
        self._count = self._bytes = 0
        self._taken: set[str] = set()

    @asynccontextmanager
    async def opened(self, wanted: Document | Given) -> AsyncIterator[tuple[FileNote, IO[bytes] | None]]:
        """Give a file once it is here whole. None: the note says why it is not."""
        found = self._given(wanted) if isinstance(wanted, Given) else self._document(wanted)
        with SpooledTemporaryFile(IN_MEMORY) as file:
            missing = self._full(found.size) or await found.fetch(file)
            if missing:
                yield FileNote(name=found.name, of=found.of, missing=missing), None
                return
            size = file.tell()
            file.seek(0)
            self._count, self._bytes = self._count + 1, self._bytes + size
            path = self._place(found.kind, found.called, found.name)
            yield FileNote(name=found.name, of=found.of, path=path, size=size), file

    def _given(self, given: Given) -> _Found:
        fetch = partial(self._load, given)
        return _Found(given.kind, given.of, given.called, given.name, given.size, fetch)

    def _document(self, document: Document) -> _Found:
        part, record, file = document.item.part, document.item.record, document.file
        kind = NAMES[part.kind]
        of = f"{kind}/{part.source}/{record.origin.id}"
        return _Found(kind, of, record.number, file.name, file.size, partial(self._fetch, document))

    def _full(self, size: int | None) -> str | None:
        if self._count >= MOST_FILES:
            return ngettext("a copy holds {n} file at most", "a copy holds {n} files at most", MOST_FILES)
        if (size or 0) > LARGEST:
            return _too_large()
        if self._bytes + (size or 0) > MOST_BYTES:
            return _too_much()
        if asyncio.get_running_loop().time() > self._ends:
            minutes = int(self._within.total_seconds()) // 60
            return ngettext("a copy takes {n} minute at most", "a copy takes {n} minutes at most", minutes)
        return None

    async def _load(self, given: Given, into: IO[bytes]) -> str | None:
        content = await content_of(self._db, given)
        if content is None:
            return gettext("not there any more")
        into.write(content)
        return None

    async def _fetch(self, document: Document, into: IO[bytes]) -> str | None:
        """Write a file into a place, and say why it is not whole if it is not."""
        part, record = document.item.part, document.item.record
        try:
            async with (
                asyncio.timeout_at(self._ends),
                self._view.file(part.kind, part.source, record.origin.id, document.file.id) as stream,
            ):
                async for chunk in stream.chunks:
                    into.write(chunk)
                    if into.tell() > LARGEST:
                        return _too_large()
                    if self._bytes + into.tell() > MOST_BYTES:
                        return _too_much()
        except NotFound:
            return gettext("not there any more")
        except (ConnectorError, TimeoutError) as error:
            log.info("file not copied", source=part.source, error=type(error).__name__)
            return gettext("the system that keeps it did not answer")
        return None

    def _place(self, kind: str, number: str, name: str) -> str:
        """Name a file in the copy: no two alike, and nothing in it that leads elsewhere."""
        stem = f"files/{kind}/{_plain(number)}"
        path, again = f"{stem}/{_plain(name)}", 1
        while path.casefold() in self._taken:
            again += 1
            path = f"{stem}/{again} {_plain(name)}"
        self._taken.add(path.casefold())
        return path


def _too_large() -> str:
    return gettext("larger than {size} MB", size=LARGEST // 2**20)


def _too_much() -> str:
    return gettext("a copy holds {size} MB of files at most", size=MOST_BYTES // 2**20)


def _plain(text: str) -> str:
    """Leave of a name what every system takes as one."""
    return re.sub(r"[^\w .()+-]", "_", text).strip(". ")[:100] or "file"
