"""Which of two values is greater: of instants by milliseconds, of numbers as they are. And records in such an order."""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from operator import eq, ge, gt
from typing import Any

from connectors.sandbox.hubspot.asking import properties_of
from connectors.sandbox.hubspot.errors import invalid
from connectors.sandbox.hubspot.objects import living
from connectors.sandbox.hubspot.store import Record, Store

COMPARED: Mapping[str, Callable[[int, int], bool]] = {"GT": gt, "GTE": ge}


def is_instant(name: str) -> bool:
    return name.endswith("date")


def compared(name: str, operator: str, value: str) -> Callable[[Record], bool]:
    """Make the test that a property of a record stands in a relation to a number, or to an instant in milliseconds."""
    if not value.isdigit():
        raise invalid(f"{value} is not a number, or an instant in milliseconds")
    holds: Callable[[int, int], bool] = COMPARED.get(operator, eq)
    bound = int(value)

    def test(record: Record) -> bool:
        measured = _measured(record, name)
        return measured is not None and holds(measured, bound)

    return test


def in_order(store: Store, type_: str, sorts: Any) -> list[Record]:  # noqa: ANN401  # any JSON
    """List what is not archived by one property, at most. What is alike in it comes in no order that means anything."""
    rows = living(store, type_, archived=False)
    if sorts == []:
        return rows
    if not isinstance(sorts, list) or len(sorts) > 1 or not isinstance(sorts[0], dict):
        raise invalid("sorts must have one element")
    name, direction = str(sorts[0].get("propertyName")), sorts[0].get("direction", "ASCENDING")
    if sorts[0].keys() - {"propertyName", "direction"} or direction not in ("ASCENDING", "DESCENDING"):
        raise invalid("a sort has a propertyName and a direction, ASCENDING or DESCENDING")
    properties_of(store, type_, [name])
    shuffled = sorted(rows, key=lambda each: sha256(each.id.encode()).digest())
    return sorted(shuffled, key=lambda each: _measured(each, name) or 0, reverse=direction == "DESCENDING")


def _measured(record: Record, name: str) -> int | None:
    value = record.properties.get(name)
    if value and is_instant(name):
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    return int(value) if value and value.isdigit() else None
