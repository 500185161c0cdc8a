"""Reading Odoo's models. The fields to ask for are those that a row declares."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from connectors.errors import BadResponse, NotFound
from connectors.ids import digits
from connectors.vendors.odoo.refusals import ModelMissing
from connectors.vendors.odoo.rpc import Odoo, execute

PAGE = 50


class Row(Struct, kw_only=True):
    """A field with a default is one that not every Odoo has: it is asked for where the model has it."""

    id: int


R = TypeVar("R", bound=Row)
Leaf = tuple[str, str, object]
Domain = Sequence[Leaf | Literal["&", "|"]]  # all of them must hold; an operator stands before what it joins


async def newest(
    office: Odoo, row: type[R], model: str, domain: Domain, cursor: str | None
) -> tuple[list[R], str | None]:
    """Read one page, newest first, and the cursor of the next.

    Pages are cut by id, which never changes: whatever is added or edited meanwhile, none is lost or doubled.
    """
    before: list[Leaf] = [("id", "<", as_key(cursor))] if cursor else []
    rows = await search(office, row, model, [*domain, *before], order="id desc", limit=PAGE + 1)
    ids = [found.id for found in rows]
    if cursor:
        ids.insert(0, as_key(cursor))
    if any(later >= earlier for earlier, later in pairwise(ids)):
        raise BadResponse(f"Odoo {model}: rows in another order than asked for")
    return rows[:PAGE], str(rows[PAGE - 1].id) if len(rows) > PAGE else None


async def one(office: Odoo, row: type[R], model: str, domain: Domain, key: str) -> R:
    """Read one record. Raises `NotFound`."""
    rows = await search(office, row, model, [("id", "=", as_key(key)), *domain], order="id desc", limit=1)
    if not rows or str(rows[0].id) != key:
        raise NotFound(f"Odoo {model}: no such record")
    return rows[0]


async def search(
    office: Odoo, row: type[R], model: str, domain: Domain, *, order: str, limit: int = 0, archived: bool = False
) -> list[R]:
    """Read what matches. `limit` 0: all of it. What an app holds or adds that is not installed, there is none of.

    `archived`: those among it that Odoo leaves out of every list.
    """
    optional = {name for name, required in _fields(row).items() if not required}
    absent = optional - await fields_of(office, model, optional) if optional else optional
    if any(leaf[0] in absent for leaf in domain):
        return []
    fields = [name for name in _fields(row) if name not in absent]
    # Odoo ships its stages in English; the account's language would turn them into words that no table knows.
    context: dict[str, object] = {"lang": "en_US"}
    if archived:
        context["active_test"] = False
    options: dict[str, object] = {"fields": fields, "order": order, "context": context}
    if limit:
        options["limit"] = limit
    try:
        return await execute(office, _list_of(row), model, "search_read", domain, **options)
    except ModelMissing:
        return []


async def read(office: Odoo, row: type[R], model: str, ids: set[int]) -> dict[int, R]:
    """Read records by their ids. One that does not exist is left out."""
    if not ids:
        return {}
    rows = await execute(office, _list_of(row), model, "read", sorted(ids), list(_fields(row)))
    return {found.id: found for found in rows}


async def fields_of(office: Odoo, model: str, names: set[str]) -> set[str]:
    """Say which of these fields the model has. A missing model has none."""
    try:
        known = await execute(office, dict[str, object], model, "fields_get", sorted(names), attributes=["type"])
    except ModelMissing:
        return set()
    return names & set(known)


@cache
def _fields(row: type[Row]) -> Mapping[str, bool]:
    """The fields to ask for, and whether every Odoo has them."""
    return {field.name: field.required for field in msgspec.structs.fields(row) if field.name != "id"}


def _list_of(row: type[R]) -> type[list[R]]:
    return list[row]  # type: ignore[valid-type]  # a type made at run time


def as_key(text: str) -> int:
    """Read one of their ids from a link, a cursor or an address."""
    return int(digits(text, "Odoo"))
