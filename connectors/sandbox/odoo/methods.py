"""The model methods that may be called from outside, with Odoo's own signatures."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.odoo.documents import instant
from connectors.sandbox.odoo.domain import compile_domain, ids_of, mentions
from connectors.sandbox.odoo.errors import missing_error, user_error
from connectors.sandbox.odoo.helpdesk import create_files, create_tickets, write_tickets
from connectors.sandbox.odoo.models import Model
from connectors.sandbox.odoo.sales import CHANGING, message_post
from connectors.sandbox.odoo.store import Context, Row, Store
from connectors.sandbox.odoo.tokens import generate_access_token, get_portal_url

CLASSIC = "_classic_read"  # many2one as [id, name]


def search_read(  # noqa: PLR0917  # Odoo's signature
    store: Store,
    model: Model,
    domain: object = None,
    fields: list[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
    order: str | None = None,
    *,
    load: str | None = CLASSIC,
    context: Context = None,
) -> list[Row]:
    rows = _sorted(model, _search(store, model, domain, context), order or model.order)
    return _read(store, model, rows[offset:][: limit or None], fields, load=load, context=context)


def search_count(
    store: Store, model: Model, domain: object, limit: int | None = None, *, context: Context = None
) -> int:
    return len(_search(store, model, domain, context)[: limit or None])


def read(
    store: Store,
    model: Model,
    ids: int | list[int],
    fields: list[str] | None = None,
    load: str | None = CLASSIC,
    *,
    context: Context = None,
) -> list[Row]:
    """Rows that do not exist are left out, without a word."""
    known = store.rows[model.name]
    return _read(store, model, [known[id_] for id_ in ids_of(ids) if id_ in known], fields, load=load, context=context)


def fields_get(
    store: Store,  # noqa: ARG001  # every method takes it
    model: Model,
    allfields: list[str] | None = None,
    attributes: list[str] | None = None,
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> dict[str, dict[str, Any]]:
    described = {name: field.describe() for name, field in model.fields.items() if not allfields or name in allfields}
    if not attributes:
        return described
    return {name: {key: facts[key] for key in attributes if key in facts} for name, facts in described.items()}


def write(
    store: Store,
    model: Model,
    ids: int | list[int],
    vals: Row,
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> bool:
    """Change plain fields. What is empty is stored as missing, whichever way a client says so."""
    for name in vals:
        if model.field(name).type != "char":
            raise user_error(f"{name} is nothing that the sandbox changes")
    for id_ in ids_of(ids):
        if id_ not in store.rows[model.name]:
            raise missing_error(model.name, id_)
        store.rows[model.name][id_] |= {name: value or None for name, value in vals.items()}
        store.rows[model.name][id_]["write_date"] = instant(datetime.now(UTC))
    return True


EVERYWHERE: dict[str, Callable[..., Any]] = {
    "search_read": search_read,
    "search_count": search_count,
    "read": read,
    "fields_get": fields_get,
}


def methods_of(model: Model) -> dict[str, Callable[..., Any]]:
    if model.name == "ir.attachment":
        return EVERYWHERE | {"create": create_files, "generate_access_token": generate_access_token}
    if model.name == "helpdesk.ticket":
        acts: dict[str, Callable[..., Any]] = {
            "create": create_tickets,
            "write": write_tickets,
            "message_post": message_post,
        }
        return EVERYWHERE | acts | {"get_portal_url": get_portal_url}
    if model.name == "sale.order":
        return EVERYWHERE | CHANGING | {"get_portal_url": get_portal_url}
    if model.name == "res.partner":
        return EVERYWHERE | {"write": write}
    return EVERYWHERE | ({"get_portal_url": get_portal_url} if "access_url" in model.fields else {})


def _search(store: Store, model: Model, domain: object, context: Context) -> list[Row]:
    test = compile_domain(store, model, domain)
    rows = [row for row in store.rows[model.name].values() if test(row)]
    if "active" in model.fields and (context or {}).get("active_test", True) and not mentions(domain, "active"):
        return [row for row in rows if row["active"]]
    return rows


def _read(
    store: Store,
    model: Model,
    rows: Iterable[Row],
    fields: list[str] | None,
    *,
    load: str | None,
    context: Context,
) -> list[Row]:
    classic, bin_size = load == CLASSIC, bool((context or {}).get("bin_size"))
    names = [model.field(name).name for name in fields or model.fields if name != "id"]
    return [
        {"id": row["id"]} | {name: store.shown(model, row, name, classic=classic, bin_size=bin_size) for name in names}
        for row in rows
    ]


def _sorted(model: Model, rows: list[Row], order: str) -> list[Row]:
    for term in reversed(order.split(",")):
        match = re.fullmatch(r"\s*(\w+)(?:\s+(asc|desc))?\s*", term, re.IGNORECASE)
        if not match:
            raise user_error(
                f'Invalid "order" specified ({order}). A valid "order" specification is a comma-separated list of '
                "valid field names (optionally followed by asc/desc for the direction)"
            )
        name, direction = match.groups()
        model.field(name)
        missing = [row for row in rows if row.get(name) is None]
        known = [row for row in rows if row.get(name) is not None]
        descending = (direction or "").lower() == "desc"
        known.sort(key=lambda row: row[name], reverse=descending)
        rows = [*missing, *known] if descending else [*known, *missing]  # PostgreSQL: nulls are the largest
    return rows
