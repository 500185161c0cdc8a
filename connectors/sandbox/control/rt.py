"""Request Tracker's tickets."""

from collections.abc import Iterator

from connectors.sandbox.control.kinds import Choice, Item, Kind, System
from connectors.sandbox.rt.changes import set_status
from connectors.sandbox.rt.store import Store


def rt_system(store: Store) -> System:
    return System(
        "Request Tracker",
        {
            "tickets": Kind(
                "Tickets",
                lambda: list(_tickets(store)),
                lambda key, values, now: set_status(store, key, values["status"], now),
            )
        },
    )


def _tickets(store: Store) -> Iterator[Item]:
    for row in store.tickets.values():
        if row["Status"] != "deleted":
            about = f"{', '.join(row['Requestor'])}; {row['Subject']}"
            choices = (Choice("status", row["Status"], store.statuses_of(row)),)
            yield Item(row["id"], f"#{row['id']}", about, row["Created"], choices)
