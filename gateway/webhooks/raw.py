"""What a delivery said, for staff to look at. It is kept without its secrets, and only of senders who were proven.

Nothing is decided by it. Whoever was refused is not kept at all: anybody could fill the disk with that.
"""

import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from connectors.config import Secret
from connectors.deliveries import Delivery

MOST_BYTES = 64 * 1024  # of a body; a longer one is not kept
MASK = "•••"
SHORTEST_SECRET = 4
SECRET_NAME = re.compile(
    r"authoriz|authentic|oauth|^auth$|x-auth|cookie|credential|csrf|hmac|jwt|key$|passw|passphrase|secret"
    r"|session|signature|signed|(^|[-_])sig$|token",
    re.IGNORECASE,
)
A_TIME = re.compile(r"(time|timestamp|date)$", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(?<=bearer )\S+|(?<=basic )\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?<=key=)[^&\s\"]+|(?<=token=)[^&\s\"]+|(?<=secret=)[^&\s\"]+|(?<=password=)[^&\s\"]+|(?<=signature=)[^&\s\"]+",
    re.IGNORECASE,
)
UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class Raw(Struct, frozen=True):
    """A delivery without its secrets. `body` None: it was too long, or too deep, to be looked through."""

    headers: tuple[tuple[str, str], ...]
    body: str | None
    size: int


def pack(delivery: Delivery, secrets: Sequence[str]) -> bytes:
    """Mask what is secret, `secrets` wherever they are, and make it small."""
    headers = tuple((str(name), _header(name, value, secrets)) for name, value in sorted(delivery.headers.items()))
    raw = Raw(headers, _body(delivery.body, secrets), len(delivery.body))
    return zlib.compress(msgspec.json.encode(raw), 1)


def read(frame: bytes) -> Raw:
    return msgspec.json.decode(zlib.decompress(frame), type=Raw)


def secrets_of(config: Struct) -> tuple[str, ...]:
    """Name all secrets of a source's settings, the longest first."""
    values = (getattr(config, name) for name in config.__struct_fields__)
    found = {value.reveal() for value in values if isinstance(value, Secret)}
    return tuple(sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True))


def _header(name: str, value: str, secrets: Sequence[str]) -> str:
    return MASK if _is_secret(name) else _text(value, secrets)


def _is_secret(name: str) -> bool:
    return bool(SECRET_NAME.search(name)) and not A_TIME.search(name)


def _body(body: bytes, secrets: Sequence[str]) -> str | None:
    if len(body) > MOST_BYTES:
        return None
    text = body.decode(errors="replace")
    try:
        said = json.loads(text)
        return _seen(json.dumps(_masked(said, secrets), ensure_ascii=False, indent=2))
    except RecursionError:
        return None
    except ValueError:
        return _text(text, secrets)


def _masked(value: Any, secrets: Sequence[str], *, is_secret: bool = False) -> Any:  # noqa: ANN401  # any JSON
    match value:
        case dict():
            return {
                _hidden(name, secrets): _masked(each, secrets, is_secret=is_secret or _is_secret(name))
                for name, each in value.items()
            }
        case list():
            return [_masked(each, secrets, is_secret=is_secret) for each in value]
        case str():
            return MASK if is_secret else _hidden(value, secrets)
        case _:
            return MASK if is_secret and value is not None else value


def _text(text: str, secrets: Sequence[str]) -> str:
    return _seen(_hidden(text, secrets))


def _hidden(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return SECRET_TEXT.sub(MASK, text)


def _seen(text: str) -> str:
    """Write out what nobody would see, or what would turn the text around."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
