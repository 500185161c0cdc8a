"""Forms with files, from the browser's body to files that were checked.

A form that may have files begins with its `_token`, and has the macro `files_field` after all its other fields, so that
what was written is there when a file is refused. The macro is given `Uploads.field`, the handler reads `Uploads.form`
and is declared with `request_max_body_size=None`: the edge has the limit.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from litestar import Request
from litestar.enums import RequestEncodingType
from msgspec import Struct

from auth.principals import Visiting
from connectors.actions import Attached
from gateway.languages import gettext, gettext_noop
from gateway.outbox.files import Quota
from gateway.settings import Settings
from gateway.uploads.checking import MB, Checks, Limits, NotTaken
from gateway.uploads.kinds import ACCEPT, WORDS
from gateway.uploads.virus import Clamd
from web.body import Cap
from web.incoming import Incoming

UPLOAD_CAPS = dict.fromkeys(("/requests/", "/documents/"), Cap(128 * MB, within=300.0))  # by the form's address
MOST_AT_ONCE = 16  # forms with files under way in one process
MOST_OF_ONE = 2  # of one member's
NO_FILES = Limits(0)
FILES_FIELD = "files"  # as the macro calls it
IN_MEMORY = 2  # forms whose files are held whole in one process, from their check until they are kept

BUSY = gettext_noop(
    "Many files are on their way to us right now. Try again in a minute, or send your message without them."
)
AGAIN = gettext_noop("Choose your files again: they were not kept.")
TOO_MUCH = gettext_noop("Your company has sent as many files as it can in one day. Send these tomorrow, or talk to us.")


class Form(Struct, frozen=True):
    """What was sent. `problem`: why its files are not taken; there are none then."""

    fields: dict[str, str]
    files: tuple[Attached, ...] = ()
    problem: str | None = None


class FilesField(Struct, frozen=True, kw_only=True):
    """What a form says of files: what is taken, how much in bytes, and why nothing was."""

    accept: str
    kinds: str
    count: int
    size: int
    total: int
    problem: str | None


class Uploads:
    """Reads forms. Nobody takes more than a share of the memory and the disk, however slowly they send."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._senders: Counter[str] = Counter()
        self._in_memory = asyncio.Semaphore(IN_MEMORY)

    def field(self, problem: str | None = None, *, taken: bool = True) -> FilesField | None:
        """None: no files are taken. `taken`: whether they are where the form leads to."""
        limits = self._checks.limits
        if not limits.size or not taken:
            return None
        return FilesField(
            accept=ACCEPT,
            kinds=gettext(WORDS),
            count=limits.count,
            size=limits.size,
            total=limits.total,
            problem=problem,
        )

    @asynccontextmanager
    async def form(self, request: Request[Visiting, Any, Any], *, taken: bool = True) -> AsyncIterator[Form]:
        """Read a form, whose files are there until the end of this. Raises `HTTPException`.

        Where none are `taken`, files that come anyway are the form's problem.
        """
        media_type, options = request.content_type
        if media_type != RequestEncodingType.MULTI_PART:
            yield Form({name: value for name, value in (await request.form()).items() if isinstance(value, str)})
            return
        limits = self._checks.limits if taken else NO_FILES
        incoming = Incoming(limits, partial(self._begin, request.user.member_id))
        try:
            await incoming.read(request, options.get("boundary", ""))
            if incoming.problem or not incoming.files:
                yield Form(incoming.fields, problem=incoming.problem)
            else:
                async with self._in_memory:
                    yield await self._checked(incoming)
        finally:
            await incoming.aclose()
            if incoming.has_begun:
                self._end(request.user.member_id)

    async def _checked(self, incoming: Incoming) -> Form:
        try:
            return Form(incoming.fields, await self._checks.check(await incoming.given()))
        except NotTaken as error:
            return Form(incoming.fields, problem=str(error))

    def _begin(self, member: str) -> None:
        if self._senders.total() >= MOST_AT_ONCE or self._senders[member] >= MOST_OF_ONE:
            raise NotTaken(gettext(BUSY))
        self._senders[member] += 1

    def _end(self, member: str) -> None:
        self._senders[member] -= 1
        if not self._senders[member]:
            del self._senders[member]


def uploads_in(request: Request[Visiting, Any, Any]) -> Uploads:
    uploads: Uploads = request.app.state.uploads
    return uploads


def quota_of(settings: Settings) -> Quota:
    return Quota(size=settings.upload_quota * MB)


def uploads_of(settings: Settings) -> Uploads:
    """Make what reads forms with files, as the settings say."""
    clamd = Clamd(settings.clamd) if settings.clamd else None
    return Uploads(Checks(Limits(settings.upload_size * MB), clamd))
