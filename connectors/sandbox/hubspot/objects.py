"""Records: one, a page of all, those of a batch. And who looks after them."""

from typing import Any

from connectors.sandbox.asgi import Request
from connectors.sandbox.hubspot.asking import after_of, body_of, ids_of, limit_of, params_of, properties_of, type_of
from connectors.sandbox.hubspot.errors import invalid, not_found
from connectors.sandbox.hubspot.store import SINGULAR, Record, Store

Json = dict[str, Any]
BATCH, PAGE = 100, 100


def listed(store: Store, request: Request, name: str) -> Json:
    type_ = type_of(store, name)
    params = params_of(request, "limit", "after", "properties", "archived")
    names = properties_of(store, type_, _split(params))
    return page_of(living(store, type_, _archived(params)), params, limit_of(params, 10, PAGE), names)


def one(store: Store, request: Request, name: str, key: str) -> Json:
    type_ = type_of(store, name)
    params = params_of(request, "properties", "archived")
    names = properties_of(store, type_, _split(params))
    record = store.objects[type_].get(key)
    if record is None or record.archived != _archived(params):
        raise not_found()
    return shown(record, names)


def owner(store: Store, request: Request, _: str, key: str) -> Json:
    """Whoever has left is archived, and given only to those who ask for the archived ones."""
    params = params_of(request, "archived")
    found = store.owners.get(key)
    if found is None or found["archived"] != _archived(params):
        raise not_found()
    return found


def batch(store: Store, request: Request, name: str) -> tuple[Json, int]:
    """Whatever is not there is among the errors, and the answer is a 207."""
    type_ = type_of(store, name)
    archived = _archived(params_of(request, "archived"))
    body = body_of(request, "inputs", "properties", "propertiesWithHistory")
    names = properties_of(store, type_, body.get("properties", []))
    ids = list(dict.fromkeys(ids_of(body, BATCH)))
    found = [each for key in ids if (each := store.objects[type_].get(key)) and each.archived == archived]
    missing = sorted(set(ids) - {each.id for each in found})
    errors = [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": f"Could not get some {SINGULAR[type_].upper()} objects, they may be deleted or not exist. "
            "Check that ids are valid.",
            "context": {"ids": missing},
        }
    ]
    return answered([shown(each, names) for each in found], errors if missing else [])


def answered(results: list[Json], errors: list[Json]) -> tuple[Json, int]:
    at = "2026-01-01T00:00:00.000Z"
    whole: Json = {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
    return (whole | {"numErrors": len(errors), "errors": errors}, 207) if errors else (whole, 200)


def living(store: Store, type_: str, archived: bool) -> list[Record]:  # noqa: FBT001  # HubSpot's own parameter
    rows = (each for each in store.objects[type_].values() if each.archived == archived)
    return sorted(rows, key=lambda each: int(each.id))


def page_of(rows: list[Record], asked: Json, limit: int, names: list[str]) -> Json:
    start = after_of(asked, len(rows))
    page: Json = {"results": [shown(each, names) for each in rows[start : start + limit]]}
    return page | ({"paging": {"next": {"after": str(start + limit)}}} if start + limit < len(rows) else {})


def shown(record: Record, names: list[str]) -> Json:
    shown = {
        "id": record.id,
        "properties": {name: record.properties.get(name) for name in sorted(set(names))},
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "archived": record.archived,
    }
    return shown | ({"archivedAt": record.archived_at} if record.archived else {})


def _split(params: dict[str, str]) -> list[str]:
    return [name for name in params.get("properties", "").split(",") if name]


def _archived(params: dict[str, str]) -> bool:
    text = params.get("archived", "false")
    if text not in ("true", "false"):
        raise invalid("archived must be true or false")
    return text == "true"
