"""Associations, version 4: of one record, a page at a time, and of many at once."""

from typing import Any

from connectors.sandbox.asgi import Request
from connectors.sandbox.hubspot.asking import after_of, body_of, ids_of, known_id, limit_of, params_of, type_of
from connectors.sandbox.hubspot.objects import answered
from connectors.sandbox.hubspot.store import SINGULAR, Store

Json = dict[str, Any]
PAGE, BATCH = 500, 1000


def of_one(store: Store, request: Request, name: str, key: str, to: str) -> Json:
    params = params_of(request, "limit", "after")
    type_, to = type_of(store, name), type_of(store, to)
    links = store.associated((type_, known_id(store, type_, key)), to)
    start, limit = after_of(params, len(links)), limit_of(params, PAGE, PAGE)
    page: Json = {"results": links[start : start + limit]}
    return page | ({"paging": {"next": {"after": str(start + limit)}}} if start + limit < len(links) else {})


def of_many(store: Store, request: Request, name: str, to: str) -> tuple[Json, int]:
    """A record without any is among the errors, and the answer is a 207."""
    params_of(request)
    type_, to = type_of(store, name), type_of(store, to)
    ids = ids_of(body_of(request, "inputs"), BATCH, "after")
    found = {key: store.associated((type_, key), to) for key in ids}
    results = [{"from": {"id": key}, "to": links} for key, links in found.items() if links]
    errors = [_none(type_, key, to) for key, links in found.items() if not links]
    return answered(results, errors)


def _none(type_: str, key: str, to: str) -> Json:
    one, other = SINGULAR[type_], SINGULAR[to]
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {other} is associated with {one} {key}.",
        "context": {"fromObjectId": [key], "fromObjectType": [one], "toObjectType": [other]},
    }
