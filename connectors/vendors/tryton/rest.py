"""Tryton's REST API, which came with its series 8.

A list is a bare array, and fields that the key's user may not read are left out of its rows without a word. So an
answer counts only with the header that says which part of how many it is, and a row only with the fields asked for.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal, TypeVar

import httpx
import msgspec
from msgspec import Struct, inspect

from connectors.contract import BackOffice
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.vendors.tryton.settings import TrytonConfig

PAGE = 50
_PART = re.compile(r"records 0-([0-9]{1,9})/([0-9]{1,9}|\*)\Z")  # a count that would take too long is "*"

Tryton = BackOffice[TrytonConfig]
Clause = tuple[str, str, object]
Either = tuple[Literal["OR"], Clause, Clause]
Domain = Sequence[Clause | Either]  # all of them must hold


class Row(Struct, kw_only=True):
    """A field with a default is one to do without where the key's user may not read it."""

    id: int


R = TypeVar("R", bound=Row)


class KeyAuth(httpx.Auth):
    def __init__(self, config: TrytonConfig) -> None:
        self._config = config

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._config.application_key.reveal()}"
        yield request


def path(office: Tryton, what: str, name: str, key: int | None = None) -> str:
    """Write the address of a model or a report, or of one record's."""
    record = "" if key is None else f"/{key}"
    return f"/{office.config.database}/rest/{what}/{name}{record}"


async def newest(
    office: Tryton,
    row: type[R],
    model: str,
    domain: Domain,
    cursor: str | None,
    *,
    without: frozenset[str] = frozenset(),
) -> tuple[list[R], str | None]:
    """Read one page, newest first, and the cursor of the next.

    Pages are cut by id, which never changes: whatever is added or edited meanwhile, none is lost or doubled.
    """
    before: list[Clause] = [("id", "<", as_key(cursor))] if cursor else []
    latest = ("id", "DESC")
    rows, more = await search(office, row, model, [*domain, *before], order=latest, limit=PAGE, without=without)
    ids = [found.id for found in rows]
    if cursor:
        ids.insert(0, as_key(cursor))
    if any(later >= earlier for earlier, later in pairwise(ids)):
        raise BadResponse(f"Tryton {model}: rows in another order than asked for")
    return rows, str(ids[-1]) if more else None


async def search(
    office: Tryton,
    row: type[R],
    model: str,
    domain: Domain,
    *,
    order: tuple[str, str] = ("id", "ASC"),
    limit: int,
    without: frozenset[str] = frozenset(),
) -> tuple[list[R], bool]:
    """Read what matches, and whether there is more of it. `without`: fields of the row that this Tryton has not."""
    params = (("d", _coded(domain)), ("o", _coded([order])), *fields_of(row, without))
    headers = {"Range": f"records=0-{limit}"}
    response = await office.http.get(path(office, "model", model), params=params, headers=headers)
    rows = decode_json(response.content, _list_of(row), f"Tryton {model}")
    part = _PART.match(response.headers.get("Content-Range", ""))
    if part is None or int(part[1]) != len(rows) or len(rows) > limit:
        raise BadResponse(f"Tryton {model}: an answer that is not the part asked for")
    return rows, part[2] == "*" or int(part[2]) > len(rows)


async def one(office: Tryton, row: type[R], model: str, number: int, *, without: frozenset[str] = frozenset()) -> R:
    """Read one record. Raises `NotFound`."""
    response = await office.http.get(path(office, "model", model, number), params=fields_of(row, without))
    found = decode_json(response.content, row, f"Tryton {model}")
    if found.id != number:
        raise NotFound(f"Tryton {model}: no such record")
    return found


@cache
def fields_of(row: type[Struct], without: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    """Write the parameters that ask for what a row declares: ("f", "number"), ("f", "currency.code").

    `without` names fields, "shipments.carrier", which are left out with all that is below them.
    """
    prefixes = tuple(f"{field}." for field in without)
    names = (name for name in _names(inspect.type_info(row)) if name)
    return tuple(("f", name) for name in names if not f"{name}.".startswith(prefixes))


def _names(type_: inspect.Type) -> Iterator[str]:
    """Name what lies below a field: one empty name for a value. An id comes without being asked for."""
    match type_:
        case inspect.ListType(item_type=inner):
            yield from _names(inner)
        case inspect.UnionType(types=types):
            yield from _names(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.StructType(tag_field=None, fields=fields):
            for field in fields:
                if field.encode_name != "id":
                    yield from (f"{field.encode_name}.{name}".rstrip(".") for name in _names(field.type))
        case _:
            yield ""


def _coded(value: object) -> str:
    return urlsafe_b64encode(msgspec.json.encode(value)).decode()


def _list_of(row: type[R]) -> type[list[R]]:
    return list[row]  # type: ignore[valid-type]  # a type made at run time


def as_key(text: str) -> int:
    """Read one of their ids from a link, a cursor or an address. Anything but a number is nobody's."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004  # digits that fit in 64 bits
        raise NotFound("Tryton: no such id")
    return int(text)
