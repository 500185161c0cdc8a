"""Lists: fields, order and pages. RT ignores what it does not know; here it is a 400, so that a slip is noticed."""

import math
import re
from typing import Any
from urllib.parse import urlencode

from connectors.sandbox.asgi import Request
from connectors.sandbox.rt.columns import COLUMNS, REFERENCES
from connectors.sandbox.rt.errors import bad_request
from connectors.sandbox.rt.store import Row
from connectors.sandbox.rt.writer import Writer

PAGE_SIZE, LARGEST_PAGE = 20, 100
LIST_PARAMS = frozenset({"fields", "orderby", "order", "page", "per_page"})


def params_of(request: Request, kind: str, known: frozenset[str]) -> dict[str, str]:
    """The parameters by name. Besides the known ones, each reference may be asked for more, `fields[Queue]=Name`."""
    params = dict(request.params)
    known |= {f"fields[{name}]" for name, type_ in COLUMNS[kind].items() if type_ in REFERENCES}
    if unknown := sorted(params.keys() - known):
        raise bad_request(f"Unknown parameter: {unknown[0]}")
    return params


def more_of(kind: str, params: dict[str, str]) -> dict[str, list[str]]:
    """What `fields[Queue]=Name` and its like ask for."""
    asked = {
        match[1]: _split(value) for key, value in params.items() if (match := re.fullmatch(r"fields\[(.+)\]", key))
    }
    for name, more in asked.items():
        _check(REFERENCES[COLUMNS[kind][name]], more)
    return asked


def listing(writer: Writer, request: Request, params: dict[str, str], kind: str, rows: list[Row]) -> dict[str, Any]:
    fields, more = _split(params.get("fields", "")), more_of(kind, params)
    _check(kind, [name for name in fields if name != "id"])
    rows = _sorted(kind, rows, params)
    size = min(_number(params.get("per_page"), PAGE_SIZE), LARGEST_PAGE)
    page = _number(params.get("page"), 1)
    pages = math.ceil(len(rows) / size)
    items = [
        writer.listed(kind, row, {name: more.get(name, []) for name in fields})
        for row in rows[(page - 1) * size : page * size]
    ]
    answer: dict[str, Any] = {"count": len(items), "total": len(rows), "page": page, "per_page": size, "items": items}
    answer["pages"] = pages or 0.0  # Perl's ceil of nothing is a float
    if page < pages:
        answer["next_page"] = _page_url(writer, request, params, page + 1)
    if page > 1 and pages:
        answer["prev_page"] = _page_url(writer, request, params, min(page - 1, pages))
    return answer


def _split(value: str) -> list[str]:
    return [name for name in value.split(",") if name]


def _check(kind: str, names: list[str]) -> None:
    for name in names:
        if name not in COLUMNS[kind]:
            raise bad_request(f"Unknown field: {name}")


def _sorted(kind: str, rows: list[Row], params: dict[str, str]) -> list[Row]:
    column = params.get("orderby", "id")
    if column != "id" and COLUMNS[kind].get(column) not in {"text", "instant", "queue", "listed"}:
        raise bad_request(f"Unknown field: {column}")
    missing = [row for row in rows if row.get(column) is None]
    known = sorted((row for row in rows if row.get(column) is not None), key=lambda row: (row[column], row["id"]))
    ordered = [*missing, *known]
    return ordered[::-1] if params.get("order", "ASC").upper() == "DESC" else ordered


def _number(value: str | None, default: int) -> int:
    return (int(value) if value and value.isdigit() else 0) or default


def _page_url(writer: Writer, request: Request, params: dict[str, str], page: int) -> str:
    path = request.path.removeprefix("/REST/2.0")
    return f"{writer.base}{path}?{urlencode(params | {'page': str(page)})}"
