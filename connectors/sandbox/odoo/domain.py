"""Odoo's search domains: leaves in prefix notation, read the way its ORM reads them."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from operator import ge, gt, le, lt
from typing import Any

from connectors.sandbox.odoo.errors import python_error, value_error
from connectors.sandbox.odoo.models import TO_MANY, Field, Model
from connectors.sandbox.odoo.store import Row, Store

Test = Callable[[Row], bool]
ORDERED: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def compile_domain(store: Store, model: Model, domain: object) -> Test:
    """Build the test that a row has to pass. `None` and `[]` let every row pass."""
    if not isinstance(domain, list | None):
        raise value_error(f"Invalid domain: {domain!r}")
    tests: list[Test] = []
    for term in reversed(domain or []):
        if term == "!":
            tests.append(_negate(_pop(tests)))
        elif term in ("&", "|"):
            tests.append(_join(all if term == "&" else any, [_pop(tests), _pop(tests)]))
        else:
            tests.append(_leaf(store, model, term))
    return _join(all, tests)


def mentions(domain: object, field: str) -> bool:
    """Say whether a leaf is about this field itself."""
    return isinstance(domain, list) and any(isinstance(term, list) and term[:1] == [field] for term in domain)


def _pop(tests: list[Test]) -> Test:
    if not tests:
        raise python_error("IndexError", "pop from empty list")
    return tests.pop()


def _negate(test: Test) -> Test:
    return lambda row: not test(row)


def _join(how: Callable[[Iterable[bool]], bool], tests: list[Test]) -> Test:
    return lambda row: how(test(row) for test in tests)


def _leaf(store: Store, model: Model, term: object) -> Test:
    if not isinstance(term, list):
        raise value_error(f"Invalid leaf {term!r}")
    try:
        path, operator, value = term
    except ValueError:
        raise python_error("IndexError", "tuple index out of range") from None
    name, _, rest = str(path).partition(".")
    if name not in model.fields:
        raise value_error(f"Invalid field {model.name}.{name} in leaf {tuple(term)!r}")
    field = model.fields[name]
    if rest:
        if field.relation is None:
            raise value_error(f"Invalid field {model.name}.{path} in leaf {tuple(term)!r}")
        related = store.models.named(field.relation)
        test = _leaf(store, related, [rest, operator, value])
        return lambda row: any(test(store.rows[related.name][id_]) for id_ in ids_of(row.get(name)))
    if operator == "child_of":
        return _child_of(store, model, field, value)
    return _compare(field, operator, value, tuple(term))


def ids_of(value: Any) -> list[int]:  # noqa: ANN401  # a field holds what its type says
    """The ids in a relational field: none, one or many."""
    if isinstance(value, list):
        return value
    return [value] if value else []


def _child_of(store: Store, model: Model, field: Field, value: Any) -> Test:  # noqa: ANN401  # JSON
    related = model if field.name == "id" else store.models.named(field.relation or field.name)
    family = store.descendants(related.name, ids_of(value))
    return lambda row: any(id_ in family for id_ in ids_of(row.get(field.name)))


def _compare(field: Field, operator: object, value: Any, leaf: tuple[object, ...]) -> Test:  # noqa: ANN401  # JSON
    match operator:
        case "=" | "!=" | "in" | "not in":
            wanted = value if isinstance(value, list) else [value]
            test = _one_of(field, [_typed(field, item) for item in wanted])
        case "<" | "<=" | ">" | ">=":
            order, bound = ORDERED[operator], _typed(field, value)
            return lambda row: row.get(field.name) is not None and order(row[field.name], bound)
        case "ilike" | "not ilike" | "=ilike" | "like" | "not like" | "=like":
            test = _like(field, str(operator), str(value))
        case _:
            raise value_error(f"Invalid operator {operator!r} in domain term {leaf!r}")
    return _negate(test) if operator in {"!=", "not in", "not ilike", "not like"} else test


def _one_of(field: Field, wanted: list[Any]) -> Test:
    empty = any(item is None or item is False for item in wanted)

    def test(row: Row) -> bool:
        value = row.get(field.name)
        if value is None or value is False or value == []:
            return empty
        if field.type in TO_MANY:
            return any(item in wanted for item in value)
        return value in [item for item in wanted if not isinstance(item, bool) or field.type == "boolean"]

    return test


def _like(field: Field, operator: str, value: str) -> Test:
    """SQL's LIKE: `_` and `%` in the value are wildcards, as they are in Odoo."""
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    pattern = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    if not operator.startswith("="):
        pattern = f".*{pattern}.*"
    compiled = re.compile(pattern, re.DOTALL | (re.IGNORECASE if "ilike" in operator else 0))
    return lambda row: compiled.fullmatch(str(row.get(field.name) or "")) is not None


def _typed(field: Field, value: Any) -> Any:  # noqa: ANN401  # JSON in, a field's value out
    if not isinstance(value, str) or field.type not in {"date", "datetime"}:
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise value_error(f"time data {value!r} does not match format '%Y-%m-%d %H:%M:%S'") from None
    if field.type == "date":
        return date(moment.year, moment.month, moment.day)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
