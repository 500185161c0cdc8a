"""Decode a back office's JSON once, at the edge, into structs. Whatever does not fit is a `BadResponse`."""

from typing import TypeVar

import msgspec

from connectors.errors import BadResponse

T = TypeVar("T")


def decode_json(body: bytes | msgspec.Raw, type_: type[T], what: str) -> T:
    """Decode `body` strictly. `what` names the answer for an operator; the values in it are never quoted."""
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.MsgspecError as error:
        problem = str(error)
    except (UnicodeDecodeError, RecursionError):
        problem = "not JSON"
    raise BadResponse(f"{what}: {problem}")  # out here: some of these keep the whole document, even behind "from None"
