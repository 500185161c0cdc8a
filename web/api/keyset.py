"""Pages that neither lose nor double a record while others come and go: each begins after a record, not at a number."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from connectors.records import Record
from gateway.account_view import DEEPEST
from gateway.home import Item
from web.api.problems import BadQuery

R = TypeVar("R", bound=Record)

After = Annotated[str | None, QueryParameter(min_length=1, max_length=400, description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Records of one page")]
Key = tuple[str, str, str]  # when, source, id


class Place(Struct, frozen=True, array_like=True):
    """Where a page begins: in which piece of the history, and behind which record of it."""

    depth: Annotated[int, Meta(ge=1, le=DEEPEST)] = 1
    behind: Key | None = None


_decoder: msgspec.json.Decoder[Place] = msgspec.json.Decoder(Place)


def cut(
    items: Iterable[Item[R]], when: Callable[[R], str], behind: Key | None, limit: int
) -> tuple[list[Item[R]], Key | None]:
    """Give one page, the newest first, and behind which record the next one begins: None where there is none."""

    def key(item: Item[R]) -> Key:
        return when(item.record), item.part.source, item.record.origin.id

    ordered = sorted(items, key=key, reverse=True)
    if behind is not None:
        ordered = [item for item in ordered if key(item) < behind]
    page = ordered[:limit]
    return page, key(page[-1]) if len(ordered) > limit else None


def write(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(after: str | None) -> Place:
    """Raises `BadQuery`."""
    if after is None:
        return Place()
    try:
        return _decoder.decode(base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise BadQuery("after: not a page of this list; take it from `next` of the page before") from error
