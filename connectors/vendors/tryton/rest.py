"""Tryton's REST API, which came with its series 8.

A list is a bare array, and fields that the key's user may not read are left out of its rows without a word. So an
answer counts only with the header that says which part of how many it is, and a row only with the fields asked for.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Generator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal, TypeVar

import httpx
import msgspec
from msgspec import Struct

from connectors.contract import BackOffice
from connectors.decode import decode_json
from connectors.errors import BadResponse, NotFound
from connectors.ids import digits
from connectors.passes import clock_of
from connectors.vendors.tryton.fields import fields_of
from connectors.vendors.tryton.settings import TrytonConfig

PAGE = 50
_PART = re.compile(r"records 0-([0-9]{1,9})/([0-9]{1,9}|\*)\Z")  # a count that would take too long is "*"

Tryton = BackOffice[TrytonConfig]
Clause = tuple[str, str, object]
Either = tuple[Literal["OR"], *tuple[Clause, ...]]
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
    rows, more, _ = await search_dated(office, row, model, domain, order=order, limit=limit, without=without)
    return rows, more


async def search_dated(
    office: Tryton,
    row: type[R],
    model: str,
    domain: Domain,
    *,
    order: tuple[str, str],
    limit: int,
    without: frozenset[str] = frozenset(),
) -> tuple[list[R], bool, datetime | None]:
    """Read what matches, whether there is more of it, and when that was answered, by the clock over there."""
    params = (("d", coded(domain)), ("o", coded([order])), *fields_of(row, without))
    headers = {"Range": f"records=0-{limit}"}
    response = await office.http.get(path(office, "model", model), params=params, headers=headers)
    rows = decode_json(response.content, _list_of(row), f"Tryton {model}")
    part = _PART.match(response.headers.get("Content-Range", ""))
    if part is None or int(part[1]) != len(rows) or len(rows) > limit:
        raise BadResponse(f"Tryton {model}: an answer that is not the part asked for")
    return rows, part[2] == "*" or int(part[2]) > len(rows), clock_of(response)


async def one(office: Tryton, row: type[R], model: str, number: int, *, without: frozenset[str] = frozenset()) -> R:
    """Read one record. Raises `NotFound`."""
    response = await office.http.get(path(office, "model", model, number), params=fields_of(row, without))
    found = decode_json(response.content, row, f"Tryton {model}")
    if found.id != number:
        raise NotFound(f"Tryton {model}: no such record")
    return found


def coded(value: object) -> str:
    return urlsafe_b64encode(msgspec.json.encode(value)).decode()


def _list_of(row: type[R]) -> type[list[R]]:
    return list[row]  # type: ignore[valid-type]  # a type made at run time


def as_key(text: str) -> int:
    """Read one of their ids from a link, a cursor or an address."""
    return int(digits(text, "Tryton"))
