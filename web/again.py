"""What somebody wrote into a form that could not be taken: given back, so that nobody has to write it twice."""

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from msgspec import Struct

from auth.cross_site import FIELD, FILES, MAX_FIELDS, SAFE_METHODS, WRITTEN, FilesPart, boundary_of
from gateway.languages import gettext
from gateway.sources.fields import HIDDEN
from web.portal.uploads import AGAIN, FILES_FIELD, FilesField, uploads_in
from web.view import address_in

LONG = 60  # characters of what is worth being read once more before it is sent


class Again(Struct, frozen=True):
    """A form to be sent to the same address, with all that it held: its token too, and what makes it count once.

    Of a form with files all but those comes back, with the field to choose them again.
    """

    address: str
    hidden: list[tuple[str, str]]
    shown: list[tuple[str, str]]
    in_parts: bool
    files: FilesField | None


def again(request: Request[Any, Any, Any], *, token: str | None = None) -> Again | None:
    """None: nothing was sent, nobody knows what, or it cannot be sent without a file that is not here.

    `token` takes the place of the one that was sent.
    """
    scope: Any = request.scope  # with what we keep in it
    written: bytes | None = scope.get(WRITTEN)
    part: FilesPart | None = scope.get(FILES)
    if written is None or request.method in SAFE_METHODS or (part and part.name != FILES_FIELD):
        return None
    try:
        fields = parse_qsl(written.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
    fields = [field for field in fields if not field[0].startswith(HIDDEN)]
    if token is not None:
        fields = [(FIELD, token), *(field for field in fields if field[0] != FIELD)]
    shown = [field for field in fields if _is_long(field[1])]
    return Again(
        address_in(request),
        [field for field in fields if not _is_long(field[1])],
        shown,
        in_parts=boundary_of(request.scope["headers"]) is not None,
        files=uploads_in(request).field(gettext(AGAIN) if part.has_any else None) if part else None,
    )


def _is_long(value: str) -> bool:
    return len(value) > LONG or "\n" in value or " " in value
