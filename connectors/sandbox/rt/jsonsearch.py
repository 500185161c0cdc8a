"""The JSON search: a list of `{"field", "operator", "value"}`."""

import json
from collections.abc import Callable
from typing import Any

from connectors.sandbox.rt.errors import bad_request
from connectors.sandbox.rt.store import Row

SEARCHABLE = {
    "user": frozenset({"Name", "EmailAddress", "RealName", "NickName", "Organization"}),
    "attachment": frozenset({"id", "TransactionId", "Parent", "Filename", "ContentType"}),
}
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda text, wanted: text == wanted,
    "LIKE": lambda text, wanted: wanted in text,
    "STARTSWITH": lambda text, wanted: text.startswith(wanted),
    "ENDSWITH": lambda text, wanted: text.endswith(wanted),
}
Test = Callable[[Row], bool]


def search(kind: str, rows: list[Row], query: bytes | str) -> list[Row]:
    """Find the rows that pass, for every field, one of its limits. No limit: all of them.

    RT drops a limit on a field it does not know, and so answers with everything; here that is an error.
    """
    by_field: dict[str, list[Test]] = {}
    for limit in _limits(query):
        name, test = _test(kind, limit)
        by_field.setdefault(name, []).append(test)
    return [row for row in rows if all(any(test(row) for test in tests) for tests in by_field.values())]


def _limits(query: bytes | str) -> list[dict[str, Any]]:
    if not query:
        return []
    try:
        limits = json.loads(query)
    except ValueError as error:
        raise bad_request(f"JSON parse error: {error}") from None
    if not isinstance(limits, list) or not all(isinstance(limit, dict) for limit in limits):
        raise bad_request("JSON object must be a ARRAY")
    return limits


def _test(kind: str, limit: dict[str, Any]) -> tuple[str, Test]:
    compare = OPERATORS.get(limit.get("operator", "="))
    field = limit.get("field")
    if field not in SEARCHABLE[kind] or compare is None or "value" not in limit:
        raise bad_request(f"Unknown limit: {json.dumps(limit)}")
    wanted = str(limit["value"]).lower()
    return str(field), lambda row: compare(str(row.get(field) or "").lower(), wanted)
