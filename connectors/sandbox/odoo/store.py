"""The rows behind the models. Values are typed, missing is missing; only `shown` speaks Odoo's JSON."""

import base64
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from msgspec import Struct

from connectors.sandbox.odoo.models import TO_MANY, Field, Model, Models

Row = dict[str, Any]
Context = dict[str, Any] | None


class User(Struct, frozen=True):
    """Whoever may call: the password or an API key is the `key`."""

    id: int
    login: str
    key: str


class Store(Struct):
    database: str
    users: tuple[User, ...]
    models: Models
    rows: dict[str, dict[int, Row]]

    def display_name(self, model: str, row: Row) -> str:
        match model:
            case "res.partner" if row.get("parent_id") and not row.get("is_company"):
                parent = self.rows[model][row["parent_id"]]
                return f"{parent['name']}, {row['name']}"
            case "account.move":
                name = row.get("name") or f"Draft Invoice (* {row['id']})"
                return f"{name} ({row['ref']})" if row.get("ref") else name
        return str(row.get("name") or row["id"])

    def descendants(self, model: str, roots: Iterable[int]) -> set[int]:
        """The rows themselves and everything below them."""
        family, found = set[int](), set(roots)
        while found:
            family |= found
            found = {id_ for id_, row in self.rows[model].items() if row.get("parent_id") in family} - family
        return family

    def shown(self, model: Model, row: Row, name: str, *, classic: bool = True, bin_size: bool = False) -> Any:  # noqa: ANN401  # JSON
        """One field of a row as `read` answers it. `classic` names what a many2one points to."""
        field = model.field(name)
        if name == "display_name":
            return self.display_name(model.name, row)
        value = row.get(name)
        if name == "is_expired":
            until = row.get("validity_date")
            return row["state"] in {"draft", "sent"} and until is not None and until < datetime.now(UTC).date()
        if field.type == "many2one" and value and classic:
            related = str(field.relation)
            return [value, self.display_name(related, self.rows[related][value])]
        if field.type == "binary" and isinstance(value, bytes):
            return f"{len(value):.2f} bytes" if bin_size else base64.b64encode(value).decode()
        return _plain(field, value)


def _plain(field: Field, value: Any) -> Any:  # noqa: ANN401  # a field holds what its type says
    if field.type in {"float", "monetary"}:
        return float(value or 0)
    if value is None:
        return [] if field.type in TO_MANY else 0 if field.type == "integer" else False
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")  # the database keeps microseconds, the API does not show them
    if isinstance(value, date):
        return value.isoformat()
    return value
