"""The search: groups of conditions, of which one has to hold, on properties and on what a record is associated with.

https://developers.hubspot.com/docs/api-reference/search/guide. A record without a value fits no list, neither as one of
it nor as one that is not. What has just changed is found a moment later. Records may be sorted by one property, and
those that are alike in it come in no order that means anything.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.asgi import Request
from connectors.sandbox.hubspot.asking import body_of, limit_of, params_of, properties_of, type_of
from connectors.sandbox.hubspot.comparing import COMPARED, compared, in_order, is_instant
from connectors.sandbox.hubspot.errors import invalid
from connectors.sandbox.hubspot.objects import page_of
from connectors.sandbox.hubspot.store import SINGULAR, Record, Store

Json = dict[str, Any]
Test = Callable[[Record], bool]
PAGE, GROUPS, FILTERS = 200, 5, 6
MOST = 10_000

_PLURAL = {singular: plural for plural, singular in SINGULAR.items()}
_FIELDS = {
    "EQ": {"value"},
    **{operator: {"value"} for operator in COMPARED},
    "CONTAINS_TOKEN": {"value"},
    "IN": {"values"},
    "NOT_IN": {"values"},
    "HAS_PROPERTY": set[str](),
    "NOT_HAS_PROPERTY": set[str](),
}


def search(store: Store, request: Request, name: str) -> Json:
    type_ = type_of(store, name)
    params_of(request)
    body = body_of(request, "filterGroups", "properties", "limit", "after", "sorts")
    names = properties_of(store, type_, body.get("properties", []))
    groups = [_tests(store, type_, group) for group in body["filterGroups"]]
    if not 1 <= len(groups) <= GROUPS:
        raise invalid(f"filterGroups must have between 1 and {GROUPS} elements")
    found = [
        each
        for each in in_order(store, type_, body.get("sorts", []))
        if _is_found(store, each) and any(all(test(each) for test in group) for group in groups)
    ]
    return {"total": len(found), **page_of(found[:MOST], body, limit_of(body, 10, PAGE), names)}


def _is_found(store: Store, record: Record) -> bool:
    return not store.found_after or datetime.fromisoformat(record.updated_at) <= datetime.now(UTC) - store.found_after


def _tests(store: Store, type_: str, group: Any) -> list[Test]:  # noqa: ANN401  # any JSON
    filters = group.get("filters") if isinstance(group, dict) and group.keys() == {"filters"} else None
    if not isinstance(filters, list) or not 1 <= len(filters) <= FILTERS:
        raise invalid(f"a group must have between 1 and {FILTERS} filters, and nothing else")
    return [_test(store, type_, each) for each in filters]


def _test(store: Store, type_: str, given: Any) -> Test:  # noqa: ANN401  # any JSON
    operator = given.get("operator") if isinstance(given, dict) else None
    if operator not in _FIELDS:
        raise invalid(f"operator {operator} is not one of {', '.join(_FIELDS)}")
    if given.keys() != {"propertyName", "operator", *_FIELDS[operator]}:
        raise invalid(f"a filter with {operator} must have a propertyName and {sorted(_FIELDS[operator])}")
    name = str(given["propertyName"])
    if name.startswith("associations."):
        return _associated(store, type_, name.removeprefix("associations."), given)
    properties_of(store, type_, [name])

    def value_of(record: Record) -> str:
        return (record.properties.get(name) or "").casefold()

    if operator in COMPARED or (operator == "EQ" and is_instant(name)):
        return compared(name, str(operator), str(given["value"]))
    return _by_text(given, name)


def _by_text(given: Json, name: str) -> Test:
    def value_of(record: Record) -> str:
        return (record.properties.get(name) or "").casefold()

    match given["operator"]:
        case "EQ":
            return lambda each: value_of(each) == str(given["value"]).casefold()
        case "CONTAINS_TOKEN":
            return lambda each: str(given["value"]).casefold() in value_of(each).split(";")
        case "HAS_PROPERTY":
            return lambda each: value_of(each) != ""
        case "NOT_HAS_PROPERTY":
            return lambda each: value_of(each) == ""
    values = given["values"]
    if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
        raise invalid("values must be a list of strings, with one at least")
    wanted = {each.casefold() for each in values}
    return lambda each: value_of(each) != "" and (value_of(each) in wanted) is (given["operator"] == "IN")


def _associated(store: Store, type_: str, singular: str, given: Json) -> Test:
    if given["operator"] != "EQ" or singular not in _PLURAL:
        raise invalid(f"cannot search by associations.{singular} so")
    other = (_PLURAL[singular], str(given["value"]))
    return lambda each: other in store.links.get((type_, each.id), {})
