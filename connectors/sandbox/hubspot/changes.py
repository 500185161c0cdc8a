"""What staff do to a record in HubSpot's own pages."""

from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot.store import Properties, Record, Store, text_of

STAGED = ("hs_pipeline", "hs_pipeline_stage")
STAGE = {"orders": STAGED, "deals": ("pipeline", "dealstage"), "tickets": STAGED}


def stages_of(store: Store, type_: str, record: Record) -> list[dict[str, Any]]:
    """List the stages of the record's own pipeline."""
    pipeline = record.properties[STAGE[type_][0]]
    return next(each["stages"] for each in store.pipelines[type_] if each["id"] == pipeline)


def stage_of(store: Store, type_: str, record: Record) -> str:
    """Name the stage that a record is in, by its label."""
    key = record.properties[STAGE[type_][1]]
    return next(str(each["label"]) for each in stages_of(store, type_, record) if each["id"] == key)


def modified_of(type_: str) -> str:
    """Name the property that says when a record was changed."""
    return "lastmodifieddate" if type_ == "contacts" else "hs_lastmodifieddate"


def create(store: Store, type_: str, properties: Properties, now: datetime) -> Record:
    """Make a record that is associated with nothing yet."""
    key, at = str(max(map(int, store.objects[type_])) + 1), text_of(now)
    own: Properties = {"hs_object_id": key, "hs_createdate" if type_ == "orders" else "createdate": at}
    record = Record(key, own | properties | {"hs_lastmodifieddate": at}, at, at)
    store.objects[type_][key] = record
    return record


def change(store: Store, type_: str, key: str, properties: Properties, now: datetime) -> None:
    record = store.objects[type_][key]
    record.properties |= properties
    record.updated_at = record.properties[modified_of(type_)] = text_of(now)


def archive(store: Store, type_: str, key: str, now: datetime) -> None:
    """Delete a record, as HubSpot does. Its date of change stays."""
    record = store.objects[type_][key]
    record.archived, record.archived_at = True, text_of(now)


def restore(store: Store, type_: str, key: str, now: datetime) -> None:
    """Take a record back out of the archive."""
    record = store.objects[type_][key]
    record.archived, record.archived_at = False, None
    change(store, type_, key, {}, now)


def move(store: Store, type_: str, key: str, label: str, now: datetime) -> None:
    """Move a record to another stage. A deal that comes to a last one is closed as of now."""
    record = store.objects[type_][key]
    stage = next(each for each in stages_of(store, type_, record) if each["label"] == label)
    change(store, type_, key, {STAGE[type_][1]: stage["id"]}, now)
    if type_ == "deals" and stage["metadata"]["isClosed"] == "true":
        record.properties["closedate"] = text_of(now)
