"""From the seed's file to the records of an account."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.sandbox.dates import resolve
from connectors.sandbox.hubspot.changes import modified_of
from connectors.sandbox.hubspot.store import Record, Store, text_of

# HubSpot's numbers for an association, and for the same one seen from the other side.
TYPES = {
    ("contacts", "companies"): (279, 280),
    ("deals", "companies"): (341, 342),
    ("deals", "contacts"): (3, 4),
    ("orders", "companies"): (509, 510),
    ("orders", "contacts"): (507, 508),
    ("orders", "line_items"): (513, 514),
    ("deals", "line_items"): (19, 20),
    ("tickets", "companies"): (339, 340),
    ("tickets", "contacts"): (16, 15),
}


def load_hubspot(folder: Path, now: datetime) -> Store:
    spec = resolve(json.loads((folder / "hubspot.json").read_bytes()), now.replace(microsecond=0))
    assert isinstance(spec, dict)  # noqa: S101  # the seed is ours
    seed: dict[str, Any] = spec
    given: dict[str, list[dict[str, Any]]] = {**seed["objects"], "line_items": []}
    for type_ in ("orders", "deals"):
        for row in given[type_]:
            given["line_items"] += _lines(row)
    objects = {type_: {row["id"]: _record(type_, row) for row in rows} for type_, rows in given.items()}
    pipelines = {type_: [_pipeline(each) for each in rows] for type_, rows in seed["pipelines"].items()}
    store = Store(seed["tokens"], seed["account"], seed["properties"], seed["defaults"], pipelines, objects)
    store.owners = {each["id"]: _owner(each) for each in seed["owners"]}
    for type_, rows in given.items():
        for row in rows:
            for to, ids in row.get("associations", {}).items():
                for key in ids:
                    store.associate((type_, row["id"]), (to, key), TYPES[type_, to])
    return store


def _lines(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Make line items of `[text, quantity, price]`, and name them among what their order or deal is associated with."""
    its = row["properties"]
    currency = its.get("hs_currency_code") or its.get("deal_currency_code")
    lines = [
        {
            "id": f"{row['id']}{place:02}",
            "createdAt": row["createdAt"],
            "properties": {
                "name": text,
                "quantity": quantity,
                "price": price,
                "amount": quantity * Decimal(price),
                "hs_position_on_quote": place,
                "hs_cost_of_goods_sold": "INTERNAL-CANARY-COST",
            }
            | ({"hs_line_item_currency_code": currency} if currency else {}),
        }
        for place, (text, quantity, price) in enumerate(row.get("lines", []))
    ]
    if lines:
        row["associations"]["line_items"] = [line["id"] for line in lines]
    return lines


def _record(type_: str, row: dict[str, Any]) -> Record:
    created, changed = text_of(row["createdAt"]), text_of(row.get("updatedAt", row["createdAt"]))
    own = {
        "hs_object_id": row["id"],
        "hs_createdate" if type_ == "orders" else "createdate": created,
        modified_of(type_): changed,
    }
    given = {name: text_of(value) for name, value in row["properties"].items()}
    archived_at = text_of(row["archivedAt"]) if "archivedAt" in row else None
    return Record(row["id"], own | given, created, changed, archived_at is not None, archived_at)


def _owner(given: dict[str, Any]) -> dict[str, Any]:
    return {"archived": False} | {
        name: text_of(value) if isinstance(value, datetime) else value for name, value in given.items()
    }


def _pipeline(given: dict[str, Any]) -> dict[str, Any]:
    stamps = {"createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z", "archived": False}
    stages = [
        {"id": key, "label": label, "displayOrder": place, "metadata": metadata} | stamps
        for place, (key, label, metadata) in enumerate(given["stages"])
    ]
    return {"id": given["id"], "label": given["label"], "displayOrder": 0, "stages": stages} | stamps
