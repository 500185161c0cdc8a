"""What a token may write: a new record with what it is associated with, and other properties of one.

https://developers.hubspot.com/docs/api-reference/crm-tickets-v3/guide
"""

import json
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.asgi import Request
from connectors.sandbox.hubspot.asking import known_id, params_of, type_of
from connectors.sandbox.hubspot.changes import STAGE, change, create
from connectors.sandbox.hubspot.errors import invalid
from connectors.sandbox.hubspot.objects import shown
from connectors.sandbox.hubspot.store import SINGULAR, Properties, Store

Json = dict[str, Any]
# What a number for an association stands for, where a ticket is on one side, and the number from the other one.
TYPES = {16: ("contacts", 15), 26: ("companies", 25), 339: ("companies", 340)}
OWN = frozenset({"createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate", "hs_object_id"})


def make(store: Store, request: Request, name: str) -> tuple[Json, int]:
    params_of(request)
    type_ = type_of(store, name)
    body = _body(request, {"properties", "associations"})
    properties = _properties(store, type_, body)
    _check_stage(store, type_, properties)
    others = [_other(store, each) for each in body.get("associations", [])]
    record = create(store, type_, properties, datetime.now(UTC))
    for other, types in others:
        store.associate((type_, record.id), other, types)
    return shown(record, list(record.properties)), 201


def update(store: Store, request: Request, name: str, key: str) -> Json:
    params_of(request)
    type_ = type_of(store, name)
    properties = _properties(store, type_, _body(request, {"properties"}))
    change(store, type_, known_id(store, type_, key), properties, datetime.now(UTC))
    return shown(store.objects[type_][key], [*store.defaults[type_], *properties])


def _body(request: Request, known: set[str]) -> Json:
    try:
        body = json.loads(request.body)
    except ValueError:
        raise invalid("Invalid input JSON on line 1, column 1") from None
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict) or body.keys() - known:
        raise invalid("Invalid input JSON: properties are needed, and nothing that is not known")
    return body


def _properties(store: Store, type_: str, body: Json) -> Properties:
    given: Properties = body["properties"]
    if unknown := sorted(given.keys() - set(store.properties[type_])):
        raise invalid(f'Property values were not valid: Property "{unknown[0]}" does not exist')
    if OWN & given.keys() or not all(isinstance(value, str) for value in given.values()):
        raise invalid("Property values were not valid: one is read only, or no text")
    return given


def _check_stage(store: Store, type_: str, properties: Properties) -> None:
    pipeline, stage = (properties.get(name) for name in STAGE[type_])
    stages = [each["id"] for row in store.pipelines[type_] if row["id"] == pipeline for each in row["stages"]]
    if stage not in stages:
        raise invalid(f"Property values were not valid: {stage} is no stage of the pipeline {pipeline}")


def _other(store: Store, given: Json) -> tuple[tuple[str, str], tuple[int, int]]:
    """Read what a new ticket is to be associated with, and the numbers for that from either side."""
    (label,) = given["types"]
    number = label["associationTypeId"]
    if label["associationCategory"] != "HUBSPOT_DEFINED" or number not in TYPES:
        raise invalid(f"associationTypeId {number} is not valid for a ticket")
    type_, back = TYPES[number]
    key = given["to"]["id"]
    if key not in store.objects[type_] or store.objects[type_][key].archived:
        raise invalid(f"No {SINGULAR[type_]} with ID {key} exists")
    return (type_, key), (number, back)
