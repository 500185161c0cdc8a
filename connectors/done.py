"""What is done: nobody is asked for anything any more. All else is open, and so is a state that nobody knows."""

from collections.abc import Mapping

from connectors.records import Kind, Record

DONE: Mapping[Kind, frozenset[str]] = {
    "orders": frozenset({"delivered", "cancelled"}),
    "invoices": frozenset({"paid", "credited", "cancelled"}),
    "tickets": frozenset({"solved"}),
}


def is_done(kind: Kind, record: Record) -> bool:
    return record.state in DONE[kind]


def done_words(kind: Kind, statuses: Mapping[str, str]) -> tuple[str, ...]:
    """Those of a vendor's words that mean it is done, for a question that leaves them out."""
    return tuple(theirs for theirs, ours in statuses.items() if ours in DONE[kind])
