"""Addresses and tokens that open a record without signing in. Asking for one writes to the record, as Odoo does."""

import uuid
from datetime import UTC, datetime
from urllib.parse import urlencode

from connectors.sandbox.odoo.domain import ids_of
from connectors.sandbox.odoo.errors import missing_error, value_error
from connectors.sandbox.odoo.models import Model
from connectors.sandbox.odoo.store import Context, Row, Store


def get_portal_url(  # noqa: PLR0917  # Odoo's signature
    store: Store,
    model: Model,
    ids: int | list[int],
    suffix: str | None = None,
    report_type: str | None = None,
    download: bool | None = None,  # noqa: FBT001  # Odoo's signature
    query_string: str | None = None,
    anchor: str | None = None,
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> str:
    row = _the_one(store, model, ids)
    query = {"access_token": _token(row)}
    query |= {"report_type": report_type} if report_type else {}
    query |= {"download": "true"} if download else {}
    tail = (query_string or "") + (f"#{anchor}" if anchor else "")
    return f"{row['access_url']}{suffix or ''}?{urlencode(query)}{tail}"


def generate_access_token(
    store: Store,
    model: Model,
    ids: int | list[int],
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> list[str]:
    return [_token(_the_one(store, model, id_)) for id_ in ids_of(ids)]


def _the_one(store: Store, model: Model, ids: int | list[int]) -> Row:
    match ids_of(ids):
        case [id_]:
            if id_ not in store.rows[model.name]:
                raise missing_error(model.name, id_)
            return store.rows[model.name][id_]
        case several:
            raise value_error(f"Expected singleton: {model.name}({', '.join(map(str, several))})")


def _token(row: Row) -> str:
    if not row.get("access_token"):
        row["access_token"] = str(uuid.uuid4())
        row["write_date"] = datetime.now(UTC)
    return str(row["access_token"])
