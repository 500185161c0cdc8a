"""How tickets change: by the seed, or by whoever plays staff."""

from datetime import datetime
from typing import Any

from connectors.sandbox.rt.mail import parts
from connectors.sandbox.rt.store import Row, Store

IDS_EACH = 100  # attachments of a transaction
STAFF = "root"


def set_status(store: Store, key: int, status: str, now: datetime) -> None:
    """Give a ticket another status of its lifecycle. Its history tells."""
    row, now = store.tickets[key], now.replace(microsecond=0)
    event = {"Type": "Status", "by": STAFF, "at": now, "Field": "Status", "OldValue": row["Status"], "NewValue": status}
    add_transaction(store, row, max(store.transactions) + 1, event)
    row |= {"Status": status, "LastUpdated": now, "LastUpdatedBy": STAFF}
    row["Resolved"] = None if store.is_active(row) else now


def add_transaction(store: Store, ticket: Row, id_: int, event: dict[str, Any]) -> None:
    row = {name: event.get(name) for name in ("Type", "Field", "OldValue", "NewValue")}
    row |= {"id": id_, "ObjectType": "RT::Ticket", "ObjectId": ticket["id"], "TimeTaken": "0", "Data": None}
    row |= {"Creator": event["by"], "Created": event["at"]}
    if event["Type"] in {"Create", "Correspond", "Comment"}:
        row["Data"] = ticket["Subject"]
    store.transactions[id_] = row
    for part in parts(id_ * IDS_EACH, event):
        part |= {"TransactionId": id_, "Creator": event["by"], "Created": event["at"]}
        store.attachments[part["id"]] = part
