"""Whether files are taken, and what to say of one that is not."""

import asyncio
from collections.abc import Sequence

import structlog
from babel.numbers import format_decimal
from msgspec import Struct

from connectors.actions import Attached
from gateway.languages import gettext, locale, ngettext
from gateway.uploads.kinds import WORDS, kind_of
from gateway.uploads.names import harmless
from gateway.uploads.virus import Clamd, NotChecked

MB = 1_000_000  # as the page writes sizes
MOST_FILES = 5  # at a time

log = structlog.get_logger()


class NotTaken(Exception):  # noqa: N818  # says what is the matter
    """Files are not taken. The text is for who sent them."""


class Given(Struct, frozen=True):
    """A file as a browser sent it. It says a type as well, which nobody believes."""

    name: str
    content: bytes


class Limits(Struct, frozen=True):
    """How much may be sent at once: bytes of a file, files, and bytes of all of them."""

    size: int
    count: int = MOST_FILES

    @property
    def total(self) -> int:
        return 2 * self.size

    def check_name(self, name: str, files: int) -> None:
        """Look at what is known before the content comes: `files` is how many there are now. Raises `NotTaken`."""
        if files > self.count:
            raise NotTaken(
                ngettext(
                    "{n} file can be sent at a time. Send the others with your next message.",
                    "{n} files can be sent at a time. Send the others with your next message.",
                    self.count,
                )
            )
        if kind_of(harmless(name)) is None:
            raise NotTaken(
                gettext(
                    "“{name}” is of a kind that we do not take. We take {kinds}.",
                    name=harmless(name),
                    kinds=gettext(WORDS),
                )
            )

    def check_size(self, name: str, size: int, total: int) -> None:
        """Raises `NotTaken` for what is too large so far."""
        if size > self.size:
            most = _megabytes(self.size)
            said = gettext("“{name}” is larger than {most}. Send a smaller one.", name=harmless(name), most=most)
            raise NotTaken(said)
        if total > self.total:
            most = _megabytes(self.total)
            raise NotTaken(gettext("Together the files are larger than {most}. Send fewer at a time.", most=most))


class Checks:
    """Looks into files before they are kept. `clamd` None: nobody looks for viruses."""

    def __init__(self, limits: Limits, clamd: Clamd | None) -> None:
        self.limits = limits
        self._clamd = clamd

    async def check(self, files: Sequence[Given]) -> tuple[Attached, ...]:
        """Give them under harmless names and as what they are. Raises `NotTaken`."""
        checked = []
        for place, file in enumerate(files, start=1):
            self.limits.check_name(file.name, place)
            checked.append(await asyncio.to_thread(_judge, file))
        for each in checked:
            if self._clamd and not await _is_clean(self._clamd, each.content):
                log.warning("infected file refused")
                raise NotTaken(
                    gettext("“{name}” was not taken: our virus check found something in it.", name=each.name)
                )
        return tuple(checked)


def _judge(file: Given) -> Attached:
    name = harmless(file.name)
    kind = kind_of(name)
    if not file.content:
        raise NotTaken(gettext("“{name}” is empty.", name=name))
    if kind is None or not kind.fits(file.content):
        raise NotTaken(
            gettext(
                "“{name}” is not what its name says, or has macros in it. Save it anew, as PDF for example.", name=name
            )
        )
    return Attached(name, kind.media_type, file.content)


async def _is_clean(clamd: Clamd, content: bytes) -> bool:
    try:
        return await clamd.is_clean(content)
    except NotChecked as error:
        log.error("virus check away", detail=str(error))  # noqa: TRY400  # the traceback tells nothing more
        raise NotTaken(
            gettext(
                "Files cannot be checked for viruses right now, so none are taken. Try again in a few minutes, or send "
                "your message without them."
            )
        ) from error


def _megabytes(size: int) -> str:
    return f"{format_decimal(size / MB, locale=locale())} MB"
