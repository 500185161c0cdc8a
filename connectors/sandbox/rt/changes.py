"""How tickets change: by the seed, or by whoever plays staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.sandbox.rt.mail import parts
from connectors.sandbox.rt.store import Row, Store

IDS_EACH = 100  # attachments of a transaction
STAFF = "root"
CALLER = "hallway"  # whom the token speaks for


def set_status(store: Store, key: int, status: str, now: datetime, by: str = STAFF) -> None:
    """Give a ticket another status of its lifecycle. Its history tells."""
    row = store.tickets[key]
    changed = {"Type": "Status", "Field": "Status", "OldValue": row["Status"], "NewValue": status, "by": by}
    _happen(store, key, changed, now)
    row["Status"] = status
    row["Resolved"] = None if store.is_active(row) else row["LastUpdated"]


def reply(
    store: Store,
    key: int,
    text: str,
    now: datetime,
    *,
    by: str = STAFF,
    subject: str = "",
    files: Sequence[dict[str, Any]] = (),
) -> None:
    """Say something on a ticket in public."""
    said = {"Type": "Correspond", "text": text, "by": by, "subject": subject, "files": files}
    _happen(store, key, said, now)


def comment(store: Store, key: int, text: str, now: datetime, *, by: str = STAFF, subject: str = "") -> None:
    """Say something that is none of the customer's business."""
    _happen(store, key, {"Type": "Comment", "text": text, "by": by, "subject": subject}, now)


def set_requestors(store: Store, key: int, names: list[str], now: datetime) -> None:
    _happen(store, key, {"Type": "SetWatcher", "Field": "Requestor"}, now)
    store.tickets[key]["Requestor"] = names


def merge(store: Store, key: int, into: int, now: datetime) -> None:
    """Make one ticket of two. The date of the one that goes stays as it is."""
    row, now = store.tickets[into], now.replace(microsecond=0)
    store.tickets[key]["EffectiveId"] = into
    row |= {"LastUpdated": now, "LastUpdatedBy": STAFF}
    row["Requestor"] = list(dict.fromkeys([*row["Requestor"], *store.tickets[key]["Requestor"]]))


def _happen(store: Store, key: int, event: dict[str, Any], now: datetime) -> None:
    row, now = store.tickets[key], now.replace(microsecond=0)
    add_transaction(store, row, max(store.transactions) + 1, {"by": STAFF, "at": now} | event)
    row |= {"LastUpdated": now, "LastUpdatedBy": event.get("by", STAFF)}


def add_transaction(store: Store, ticket: Row, id_: int, event: dict[str, Any]) -> None:
    row = {name: event.get(name) for name in ("Type", "Field", "OldValue", "NewValue")}
    row |= {"id": id_, "ObjectType": "RT::Ticket", "ObjectId": ticket["id"], "TimeTaken": "0", "Data": None}
    row |= {"Creator": event["by"], "Created": event["at"]}
    if event["Type"] in {"Create", "Correspond", "Comment"}:
        row["Data"] = event.get("subject") or ticket["Subject"]
    store.transactions[id_] = row
    for part in parts(id_ * IDS_EACH, event):
        part |= {"TransactionId": id_, "Creator": event["by"], "Created": event["at"]}
        store.attachments[part["id"]] = part
