"""Records as RT writes them in JSON."""

import base64
from datetime import datetime
from typing import Any

from msgspec import Struct

from connectors.sandbox.asgi import Response, as_json
from connectors.sandbox.rt.columns import COLUMNS
from connectors.sandbox.rt.store import Row, Store

QUOTED_CHARSET = 'application/json; charset="utf-8"'  # RT quotes it in answers, not in errors
UNSET = "1970-01-01T00:00:00Z"


class Writer(Struct, frozen=True):
    """Writes records as JSON. `base` is the address of the API."""

    store: Store
    base: str

    def reference(self, kind: str, id_: int | str) -> dict[str, Any]:
        return {"type": kind, "id": str(id_), "_url": f"{self.base}/{kind}/{id_}"}

    def listed(self, kind: str, row: Row, fields: dict[str, list[str]]) -> dict[str, Any]:
        """A record in a list: a reference, and the columns that were asked for."""
        item = self.reference(kind, row["Name"] if kind == "user" else row["id"])
        for name, more in fields.items():
            item[name] = row["id"] if name == "id" else self._column(COLUMNS[kind][name], row.get(name), more)
        return item

    def whole(self, kind: str, row: Row, more: dict[str, list[str]]) -> dict[str, Any]:
        """A record of its own: every column that is set."""
        record: dict[str, Any] = {"id": row["id"]}
        for name, type_ in COLUMNS[kind].items():
            value = row.get(name)
            if type_ in {"transaction", "ticket"}:
                record[name] = self.reference(type_, str(value))
            elif type_ == "content":
                record[name] = None if value is None else base64.encodebytes(value).decode()
            elif type_ == "listed":
                continue
            elif value is not None or (type_ == "instant" and name != "Told"):
                record[name] = self._column(type_, value, more.get(name, []))
        links = [{"ref": "self", **self.reference(kind, row["id"]), "id": row["id"]}]
        return record | {"_hyperlinks": links}

    def _column(self, type_: str, value: Any, more: list[str]) -> Any:  # noqa: ANN401  # a column is what its type says
        match type_:
            case "instant":
                return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else UNSET
            case "users":
                return [self._expanded("user", self.store.users[name], more) for name in value]
            case "user" | "queue":
                row = self.store.users[value] if type_ == "user" else self.store.queues[value]
                return self._expanded(type_, row, more)
            case "content":
                return _as_text(value or b"")
            case "json":
                return value
        return "" if value is None else str(value)

    def _expanded(self, kind: str, row: Row, more: list[str]) -> dict[str, Any]:
        return self.listed(kind, row, {name: [] for name in more})


def _as_text(content: bytes) -> str:
    """A list shows content as characters: text decoded, anything else one character a byte."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def ok(value: dict[str, Any]) -> Response:
    return as_json(value, content_type=QUOTED_CHARSET)
