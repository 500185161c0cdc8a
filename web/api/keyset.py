"""Pages that neither lose nor double a record while others come and go: each begins after a record, not at a number."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
from litestar.params import QueryParameter

from connectors.records import Record
from gateway.home import Item
from web.api.problems import BadQuery

R = TypeVar("R", bound=Record)

After = Annotated[str | None, QueryParameter(min_length=1, max_length=400, description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Records of one page")]
Key = tuple[str, str, str]  # when, source, id

_decoder: msgspec.json.Decoder[Key] = msgspec.json.Decoder(Key)


def cut(
    items: Sequence[Item[R]], when: Callable[[R], str], after: str | None, limit: int
) -> tuple[list[Item[R]], str | None]:
    """Give one page, the newest first, and the `after` of the next one. Raises `BadQuery`."""

    def key(item: Item[R]) -> Key:
        return when(item.record), item.part.source, item.record.origin.id

    ordered = sorted(items, key=key, reverse=True)
    if after is not None:
        last = _read(after)
        ordered = [item for item in ordered if key(item) < last]
    page = ordered[:limit]
    return page, _write(key(page[-1])) if len(ordered) > limit else None


def _write(key: Key) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _read(after: str) -> Key:
    try:
        return _decoder.decode(base64.b64decode(after + "=" * (-len(after) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise BadQuery("after: not a page of this list; take it from `next` of the page before") from error
