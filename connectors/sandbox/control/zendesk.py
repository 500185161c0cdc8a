"""Zendesk's tickets."""

from collections.abc import Iterator
from datetime import datetime

from connectors.sandbox.control.kinds import Choice, Item, Kind, System
from connectors.sandbox.zendesk.changes import update_ticket
from connectors.sandbox.zendesk.store import STATUSES, Store


def zendesk_system(store: Store) -> System:
    return System(
        "Zendesk",
        {
            "tickets": Kind(
                "Tickets",
                lambda: list(_tickets(store)),
                lambda key, values, now: _change(store, key, values["status"], now),
            )
        },
    )


def _tickets(store: Store) -> Iterator[Item]:
    """List the tickets. A closed one stays closed."""
    for row in store.undeleted():
        status = row["status"]
        choices = () if status == "closed" else (Choice("status", status, STATUSES),)
        requester = store.users[row["requester_id"]]["name"]
        yield Item(row["id"], f"#{row['id']}", f"{requester}; {row['subject']}", row["created_at"], choices, status)


def _change(store: Store, key: int, status: str, now: datetime) -> None:
    update_ticket(store, key, {"status": status}, now)
