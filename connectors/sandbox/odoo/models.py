"""The models as a client sees them: fields, their types, the order rows come in."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from connectors.sandbox.odoo.errors import user_error, value_error

COMMON = {
    "id": "integer",
    "display_name": "char",
    "create_date": "datetime",
    "write_date": "datetime",
    "create_uid": "many2one res.users",
    "write_uid": "many2one res.users",
}
TO_MANY = frozenset({"one2many", "many2many"})


class Field(Struct, frozen=True):
    name: str
    type: str
    relation: str | None = None
    selection: tuple[tuple[str, str], ...] = ()

    def describe(self) -> dict[str, Any]:
        """What `fields_get` says of it."""
        computed = self.name in {"display_name", "access_url"}
        facts: dict[str, Any] = {
            "type": self.type,
            "string": self.name.removesuffix("_id").replace("_", " ").title(),
            "readonly": False,
            "required": False,
            "searchable": True,
            "sortable": self.type not in TO_MANY and not computed,
            "store": not computed,
        }
        if self.relation:
            facts["relation"] = self.relation
        if self.selection:
            facts["selection"] = [list(pair) for pair in self.selection]
        if self.type == "monetary":
            facts["currency_field"] = "currency_id"
        return facts


class Model(Struct, frozen=True):
    name: str
    order: str
    fields: Mapping[str, Field]

    def field(self, name: str) -> Field:
        if name not in self.fields:
            raise value_error(f"Invalid field '{name}' on model '{self.name}'")
        return self.fields[name]


class Models(dict[str, Model]):
    def named(self, name: str) -> Model:
        if name not in self:
            raise user_error(f"Object {name} doesn't exist")
        return self[name]


def load_models(file: Path, *, without: frozenset[str] = frozenset()) -> Models:
    """Read the models; those of a module that is not installed are left out."""
    spec = json.loads(file.read_bytes())
    return Models((name, _model(name, facts)) for name, facts in spec.items() if name not in without)


def _model(name: str, facts: dict[str, Any]) -> Model:
    fields = {field.name: field for field in _fields(COMMON | facts["fields"])}
    return Model(name, facts["order"], fields)


def _fields(specs: dict[str, str | dict[str, str]]) -> Iterator[Field]:
    for name, spec in specs.items():
        if isinstance(spec, dict):
            yield Field(name, "selection", selection=tuple(spec.items()))
        else:
            kind, _, relation = spec.partition(" ")
            yield Field(name, kind, relation or None)
