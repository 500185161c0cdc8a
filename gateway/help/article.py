"""An article as it is written, and what it may be about."""

import re
from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct

from connectors.records import Invoice, Order, Record, Ticket
from gateway.rights import RecordArea
from gateway.statuses import INVOICES, ORDERS, TICKETS, is_delayed, is_expired, is_overdue

FOLDER = ""  # the origin of articles that are no source's
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
TOPIC = "topic:"
# What a record can be, as a file says it: "orders/delayed".
STATES: Mapping[RecordArea, frozenset[str]] = {
    "orders": frozenset(ORDERS),
    "invoices": frozenset(INVOICES),
    "requests": frozenset(TICKETS),
}


class Article(Struct, frozen=True, kw_only=True):
    """`html` has not been cleaned. `subjects` are topics as `TOPIC` + name, areas, and states of an area."""

    name: str
    title: str
    html: str
    summary: str = ""
    language: str | None = None
    subjects: tuple[str, ...] = ()
    url: str | None = None
    changed_at: datetime | None = None


def subjects_of(record: Record, today: date) -> tuple[str, ...]:
    """Say what an article about a record would be about: how it stands, and what it is."""
    match record:
        case Order():
            name = "expired" if is_expired(record, today) else "delayed" if is_delayed(record, today) else record.state
            return f"orders/{name}", "orders"
        case Invoice():
            how = "overdue" if is_overdue(record, today) else record.state
            return f"invoices/{'credit_note' if record.is_credit_note else how}", "invoices"
        case Ticket():
            return f"requests/{record.state}", "requests"
        case _:
            return ()
