"""Lists by cursor or by page number. Zendesk ignores parameters it does not know; here they are a 400."""

import base64
import json
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlencode

from connectors.sandbox.asgi import Request
from connectors.sandbox.zendesk.errors import bad_request
from connectors.sandbox.zendesk.store import Row
from connectors.sandbox.zendesk.writer import as_instant

MOST = 100  # rows of a page
DEEPEST = 10_000  # rows that page numbers reach
BY_CURSOR, BY_NUMBER = {"page[size]", "page[after]"}, {"page", "per_page"}


def params_of(request: Request, known: Collection[str] = ()) -> dict[str, str]:
    params = dict(request.params)
    if unknown := sorted(params.keys() - set(known)):
        raise bad_request("InvalidParameter", f"Unknown parameter: {unknown[0]}")
    return params


def by_cursor(
    request: Request, rows: list[Row], name: str, write: Callable[[Row], Row], *, params: dict[str, str], sort: str
) -> dict[str, Any]:
    """Give the page that a cursor leads to: the rows after the one that it was made of, whatever was added since."""
    size, field, down = _number(params, "page[size]", MOST), sort.lstrip("-"), sort.startswith("-")
    rows = sorted(rows, key=lambda row: _place(row, field), reverse=down)
    if after := params.get("page[after]"):
        place = _decoded(after, field)
        rows = [row for row in rows if (_place(row, field) < place if down else _place(row, field) > place)]
    shown, more = rows[:size], len(rows) > size
    cursor = _encoded(_place(shown[-1], field)) if shown else None
    following = params | {"page[after]": cursor or ""}
    return {
        name: [write(row) for row in shown],
        "meta": {"has_more": more, "after_cursor": cursor, "before_cursor": None},
        "links": {"prev": None, "next": _address(request, following) if more else None},
    }


def by_number(
    request: Request, rows: list[Row], name: str, write: Callable[[Row], Row], *, params: dict[str, str]
) -> dict[str, Any]:
    page, size = _number(params, "page", DEEPEST), _number(params, "per_page", MOST)
    if page * size > DEEPEST:
        raise bad_request("InvalidPaginationDepth", f"Access beyond {DEEPEST} resources is not allowed")
    shown = rows[(page - 1) * size : page * size]
    following = _address(request, params | {"page": str(page + 1)}) if page * size < len(rows) else None
    before = _address(request, params | {"page": str(page - 1)}) if page > 1 else None
    return {
        name: [write(row) for row in shown],
        "next_page": following,
        "previous_page": before,
        "count": len(rows),
    }


def _number(params: dict[str, str], name: str, most: int) -> int:
    """Read a number of at least 1. Unless it is given, a page is the first, and as long as can be."""
    text = params.get(name, "1" if name == "page" else str(most))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise bad_request("InvalidPaginationParameter", f"{name} is invalid")
    return int(text)


def _place(row: Row, field: str) -> list[Any]:
    value = row[field]
    return [value if isinstance(value, int | str) else as_instant(value), row["id"]]


def _encoded(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decoded(cursor: str, field: str) -> list[Any]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        value = key = None
    if not isinstance(value, int if field == "id" else str) or not isinstance(key, int):
        raise bad_request("InvalidPaginationParameter", "page[after] is not valid")
    return [value, key]


def _address(request: Request, params: dict[str, str]) -> str:
    return f"{request.base}{request.path}?{urlencode(params)}"
