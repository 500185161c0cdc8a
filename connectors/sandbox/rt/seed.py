"""From the seed's file to the rows of a Request Tracker."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.sandbox.dates import resolve
from connectors.sandbox.rt.changes import add_transaction
from connectors.sandbox.rt.store import Row, Store

IDS_EACH = 100  # a transaction's id is its ticket's times this, plus its place


def load_rt(folder: Path, now: datetime) -> Store:
    spec = resolve(json.loads((folder / "rt.json").read_bytes()), now.replace(microsecond=0))
    assert isinstance(spec, dict)  # noqa: S101  # the seed is ours
    seed: dict[str, Any] = spec
    users = {user["Name"]: _user(user, now) for user in seed["users"]}
    queues = {queue["id"]: {"Disabled": "0", "SortOrder": "0"} | queue for queue in seed["queues"]}
    store = Store(seed["token"], seed["lifecycles"], users, queues, {}, {}, {})
    archived = [ticket for facts in seed["archive"] for ticket in _archive(facts, now)]
    for ticket in sorted([*archived, *seed["tickets"]], key=lambda ticket: int(ticket["id"])):
        add_ticket(store, ticket)
    return store


def _user(user: Row, now: datetime) -> Row:
    since = (now - timedelta(days=900)).replace(microsecond=0)
    stamps = {"Created": since, "LastUpdated": since, "Creator": "RT_System", "LastUpdatedBy": "RT_System"}
    return {"EmailAddress": "", "Disabled": "0"} | user | stamps


def _archive(facts: dict[str, Any], now: datetime) -> Iterable[dict[str, Any]]:
    """Years of requests that were answered the same day."""
    for place in range(facts["count"]):
        at = (now - timedelta(days=60 + (facts["count"] - place) * facts["every_days"])).replace(microsecond=0)
        asked = {"Type": "Create", "by": facts["requestor"], "at": at, "text": "Please help."}
        answered = {"Type": "Correspond", "by": facts["by"], "at": at + timedelta(hours=2), "text": "Done."}
        yield {
            "id": facts["first_id"] + place,
            "Queue": facts["Queue"],
            "Subject": facts["subjects"][place % len(facts["subjects"])],
            "Status": "resolved",
            "Requestor": [facts["requestor"]],
            "Owner": facts["by"],
            "history": [asked, answered],
        }


def add_ticket(store: Store, ticket: dict[str, Any], first: int | None = None) -> None:
    """Add a ticket with its history. `first` is the id of its first transaction, None: as the seed's are."""
    row = {"Cc": [], "AdminCc": [], "RefersTo": []} | {
        name: value for name, value in ticket.items() if name != "history"
    }
    numbers = ("Priority", "InitialPriority", "FinalPriority", "TimeWorked", "TimeLeft", "TimeEstimated")
    row |= dict.fromkeys(numbers, "0") | {"Type": "ticket", "EffectiveId": row["id"], "CustomFields": []}
    store.tickets[row["id"]] = row
    events = [event for entry in ticket["history"] for event in _repeated(entry)]
    for id_, event in enumerate(events, first or row["id"] * IDS_EACH + 1):
        add_transaction(store, row, id_, event)
    created, last = events[0], events[-1]
    row |= {"Created": created["at"], "Creator": created["by"], "LastUpdated": last["at"], "LastUpdatedBy": last["by"]}
    told = [event["at"] for event in events if event["Type"] == "Correspond" and store.users[event["by"]]["Privileged"]]
    row |= {"Told": told[-1]} if told else {}
    row |= {} if store.is_active(row) else {"Resolved": last["at"]}


def _repeated(entry: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """`times` writes an entry several times, an hour apart."""
    for place in range(entry.get("times", 1)):
        yield entry | {"at": entry["at"] + timedelta(hours=place)}
