"""What the first page says, computed from records alone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.records import Invoice, Money, Order, Origin, Record, Ticket
from gateway.account_view import Part
from gateway.home import home, totals
from gateway.statuses import UNKNOWN, status_of

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def origin(id_: str, changed: datetime | None = None) -> Origin:
    return Origin(source="s", id=id_, changed_at=changed, fetched_at=NOW)


def invoice(number: str, amount: str, currency: str = "EUR", **fields: object) -> Invoice:
    money = Money(currency, Decimal(amount))
    values = {"state": "open", "total": money, "open": money, "vendor_state": "v", "origin": origin(number), **fields}
    return Invoice(number=number, **values)  # type: ignore[arg-type]


def ticket(number: str, state: str, changed: datetime | None = None) -> Ticket:
    return Ticket(
        number=number,
        state=state,  # type: ignore[arg-type]
        subject="s",
        created_at=NOW,
        vendor_state="v",
        origin=origin(number, changed),
    )


def order(number: str, state: str, expected_on: date | None = None) -> Order:
    return Order(
        number=number,
        state=state,  # type: ignore[arg-type]
        total=Money("EUR", Decimal(1)),
        expected_on=expected_on,
        vendor_state="v",
        origin=origin(number),
    )


def part(*records: Record) -> Part:
    return Part(
        kind="invoices",
        source="s",
        customer="1",
        title="S",
        records=records,
        fetched_at=NOW,
        promise=timedelta(minutes=5),
        state="on_time",
    )


def test_puts_the_longest_overdue_first_and_questions_after() -> None:
    late = invoice("late", "1", due_on=date(2026, 11, 1))
    later = invoice("later", "1", due_on=date(2026, 10, 1))
    asked = ticket("asked", "awaiting_customer")
    fine = invoice("fine", "1", due_on=TODAY)
    seen = home([part(fine, asked, late, later)], TODAY, None)
    assert [item.record.number for item in seen.needs] == ["later", "late", "asked"]


def test_never_adds_two_currencies_and_counts_what_it_adds() -> None:
    seen = totals(
        [
            invoice("a", "0.10", due_on=date(2026, 11, 1)),
            invoice("b", "0.20", due_on=date(2026, 12, 1)),
            invoice("c", "5", "GBP"),
            invoice("d", "7", state="paid"),
            invoice("e", "-3", is_credit_note=True),
        ],
        TODAY,
    )
    euro, pound = seen
    assert (euro.to_pay, euro.count) == (Money("EUR", Decimal("0.30")), 2)
    assert (euro.overdue, euro.overdue_count, euro.next_due_on) == (Money("EUR", Decimal("0.10")), 1, date(2026, 12, 1))
    assert (pound.to_pay, pound.count, pound.overdue_count) == (Money("GBP", Decimal(5)), 1, 0)


@pytest.mark.parametrize(
    ("record", "label"),
    [
        (invoice("i", "1", due_on=TODAY), "Open"),
        (invoice("i", "1", due_on=TODAY - timedelta(days=1)), "Overdue"),
        (invoice("i", "1", state="part_paid", due_on=TODAY - timedelta(days=1)), "Overdue"),
        (invoice("i", "1", state="part_paid"), "Part paid"),
        (invoice("i", "1", state="paid", due_on=date(2020, 1, 1)), "Paid"),
        (invoice("i", "-1", is_credit_note=True, due_on=date(2020, 1, 1)), "Credit note"),
        (invoice("i", "1", state="unknown"), UNKNOWN.label),
        (order("o", "confirmed", TODAY), "Confirmed"),
        (order("o", "confirmed", TODAY - timedelta(days=1)), "Delayed"),
        (order("o", "delivered", TODAY - timedelta(days=1)), "Delivered"),
        (order("o", "unknown"), UNKNOWN.label),
        (ticket("t", "awaiting_customer"), "Your reply needed"),
        (ticket("t", "unknown"), UNKNOWN.label),
    ],
)
def test_has_safe_words_for_every_state(record: Record, label: str) -> None:
    status = status_of(record, TODAY)
    assert status.label == label
    assert status.meaning
    assert status.next_step


def test_keeps_what_has_no_words_yet_under_way() -> None:
    seen = home([part(ticket("t", "unknown"), order("o", "unknown"), ticket("done", "solved"))], TODAY, None)
    assert {item.record.number for item in seen.under_way} == {"t", "o"}


def test_tells_only_what_changed_since_the_last_visit() -> None:
    records = [ticket("old", "solved", NOW - timedelta(days=9)), ticket("new", "solved", NOW)]
    assert [item.record.number for item in home([part(*records)], TODAY, NOW - timedelta(days=1)).news] == ["new"]
    assert home([part(*records)], TODAY, None).news == ()
