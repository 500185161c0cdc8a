"""What a connector may leave out of what is open is what no page would ask anybody about."""

from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from connectors.done import DONE, done_words, is_done
from connectors.records import KINDS, Invoice, Kind, Record
from gateway.statuses import is_to_pay, is_under_way

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
STATES = [(kind, state) for kind in KINDS for state in get_args(get_type_hints(KINDS[kind])["state"])]


@pytest.mark.parametrize(("kind", "state"), STATES)
def test_calls_open_whatever_may_still_ask_for_something(kind: Kind, state: str) -> None:
    record = make(kind, state)
    asks = is_under_way(record) or (isinstance(record, Invoice) and is_to_pay(record))
    assert is_done(kind, record) is not (asks or state in {"unknown", "awaiting_customer"})


def test_knows_only_states_that_there_are() -> None:
    assert {(kind, state) for kind, states in DONE.items() for state in states} <= set(STATES)


def test_leaves_out_of_a_question_what_is_done() -> None:
    assert done_words("tickets", {"new": "received", "closed": "solved", "odd": "unknown"}) == ("closed",)


def make(kind: Kind, state: str) -> Record:
    ten = {"currency": "EUR", "amount": "10.00"}
    said: dict[str, Any] = {
        "origin": {"source": "erp", "id": "1", "fetched_at": NOW},
        "number": "1",
        "vendor_state": "x",
    }
    said |= {"state": state, "total": ten, "open": ten, "subject": "Chair", "created_at": NOW}
    return msgspec.convert(said, KINDS[kind])
