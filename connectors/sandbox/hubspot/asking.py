"""Questions, taken apart. HubSpot ignores some of what it does not know; here all is a 400: a slip is noticed."""

import json
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.asgi import Request
from connectors.sandbox.hubspot.errors import invalid, not_found
from connectors.sandbox.hubspot.store import Store


def params_of(request: Request, *known: str) -> dict[str, str]:
    params = dict(request.params)
    if unknown := sorted(params.keys() - set(known)):
        raise invalid(f"Unknown query parameter: {unknown[0]}")
    return params


def body_of(request: Request, needed: str, *known: str) -> dict[str, Any]:
    """Read a JSON object that has the field `needed`, and none but the `known` ones beside it."""
    try:
        body = json.loads(request.body)
    except ValueError:
        raise invalid("Invalid input JSON on line 1, column 1") from None
    if not isinstance(body, dict) or not isinstance(body.get(needed), list):
        raise invalid(f"Invalid input JSON: some required fields were not set: [{needed}]")
    if unknown := sorted(body.keys() - {needed, *known}):
        raise invalid(f"Invalid input JSON: Unknown field: {unknown[0]}")
    return body


def limit_of(given: Mapping[str, Any], default: int, most: int) -> int:
    text = str(given.get("limit", default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise invalid(f"limit must be between 1 and {most}")
    return int(text)


def ids_of(body: Mapping[str, Any], most: int, *known: str) -> list[str]:
    """Read the ids of a batch's inputs. Some may have a few more fields."""
    inputs: list[Any] = body["inputs"]
    if not inputs or len(inputs) > most:
        raise invalid(f"inputs must have between 1 and {most} elements")
    for each in inputs:
        if not isinstance(each, dict) or "id" not in each or each.keys() - {"id", *known}:
            raise invalid("Invalid input JSON: an input is not as it should be")
        if not all(isinstance(value, str) for value in each.values()):
            raise invalid("Invalid input JSON: an input is not a string")
    return [each["id"] for each in inputs]


def type_of(store: Store, name: str) -> str:
    if name not in store.objects:
        raise invalid(f"Unable to infer object type from: {name}")
    return name


def properties_of(store: Store, type_: str, names: list[str]) -> list[str]:
    if unknown := [name for name in names if name not in store.properties[type_]]:
        raise invalid(f"Property '{unknown[0]}' does not exist")
    return [*store.defaults[type_], *names]


def after_of(given: Mapping[str, Any], count: int) -> int:
    """Read a cursor: the number of rows already given. A wrong one is refused, and one behind the end finds nothing."""
    text = str(given.get("after", "0"))
    if not (text.isascii() and text.isdigit()):
        raise invalid("after is not a cursor")
    return min(int(text), count)


def known_id(store: Store, type_: str, key: str) -> str:
    if key not in store.objects[type_] or store.objects[type_][key].archived:
        raise not_found()
    return key
