"""What is news: the rules over how a record was and how it is."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.records import (
    Invoice,
    InvoiceState,
    Message,
    Money,
    Order,
    OrderState,
    Origin,
    Record,
    Shipment,
    ShipmentState,
    Ticket,
    TicketState,
)
from gateway.events import MOST, Book, Event, compare, first_book, to_read
from gateway.occasions import Days, EventName, due_next, is_still_so

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
EUR = Money("EUR", Decimal(10))


def origin(key: str, at: datetime = NOW) -> Origin:
    return Origin(source="erp", id=key, changed_at=at, fetched_at=at)


def invoice(
    key: str = "1",
    state: InvoiceState = "open",
    *,
    at: datetime = NOW,
    due_on: date | None = TODAY + DAY,
    issued_on: date | None = TODAY,
    is_credit_note: bool = False,
) -> Invoice:
    return Invoice(
        origin=origin(key, at),
        number=key,
        state=state,
        vendor_state="v",
        total=EUR,
        open=EUR,
        due_on=due_on,
        issued_on=issued_on,
        is_credit_note=is_credit_note,
    )


def order(
    key: str = "1", state: OrderState = "confirmed", *parcels: tuple[str, ShipmentState], at: datetime = NOW
) -> Order:
    shipments = tuple(Shipment(number=number, state=way) for number, way in parcels)
    return Order(
        origin=origin(key, at),
        number=key,
        state=state,
        vendor_state="v",
        total=EUR,
        ordered_at=NOW,
        shipments=shipments,
    )


def message(key: str, at: datetime = NOW, *, customer: bool = False) -> Message:
    return Message(id=key, author="A", from_customer=customer, at=at, body="b", media_type="text/plain")


def ticket(
    key: str = "1",
    state: TicketState = "working",
    *messages: Message,
    at: datetime = NOW,
    created_at: datetime = NOW - 300 * DAY,
) -> Ticket:
    return Ticket(
        origin=origin(key, at),
        number=key,
        state=state,
        vendor_state="v",
        subject="s",
        created_at=created_at,
        messages=messages or None,
    )


def book(*records: Record, today: date = TODAY) -> Book:
    return first_book(records, system="s", at=NOW, days=Days(today))


def news(before: Book, *records: Record, today: date = TODAY) -> list[Event]:
    return compare(before, records, at=NOW + DAY, days=Days(today))[1]


def see(before: Book, *records: Record) -> tuple[Book, list[Event]]:
    return compare(before, records, at=NOW, days=Days(TODAY))


def names(before: Book, *records: Record, today: date = TODAY) -> list[tuple[EventName, ...]]:
    return [event.names for event in news(before, *records, today=today)]


def test_begins_without_news() -> None:
    overdue = invoice("2", due_on=TODAY - DAY)
    before = book(invoice(), overdue, order("3", "on_its_way"), ticket("4", "awaiting_customer", message("m")))
    assert news(before, invoice(), overdue, order("3", "on_its_way"), ticket("4", "awaiting_customer")) == []


def test_tells_of_a_new_invoice_once() -> None:
    after, events = see(book(), invoice())
    assert events == [Event(names=("invoice_new",), record="1", about="")]
    assert news(after, invoice(at=NOW + DAY)) == []


@pytest.mark.parametrize(
    "record",
    [
        invoice(is_credit_note=True),
        invoice(state="cancelled"),
        invoice(state="unknown"),
        invoice(issued_on=TODAY - 32 * DAY),  # it was another customer's, or lay behind the end of a long history
    ],
)
def test_tells_of_no_bill_that_is_none_or_old(record: Invoice) -> None:
    assert news(book(), record) == []


def test_tells_of_an_invoice_that_was_paid_at_once() -> None:
    assert names(book(), invoice(state="paid")) == [("invoice_new",)]


def test_tells_of_an_overdue_bill_on_its_day_and_once() -> None:
    before = book(invoice(due_on=TODAY))
    assert news(before, invoice(due_on=TODAY)) == []
    after, events = compare(before, [invoice(due_on=TODAY)], at=NOW, days=Days(TODAY + DAY))
    assert events == [Event(names=("invoice_overdue",), record="1", about="2026-11-22")]
    assert news(after, invoice(due_on=TODAY), today=TODAY + 9 * DAY) == []


def test_tells_of_another_day_that_has_passed() -> None:
    after, first = compare(book(invoice(due_on=TODAY)), [invoice(due_on=TODAY)], at=NOW, days=Days(TODAY + DAY))
    after, none = compare(after, [invoice(due_on=TODAY + 5 * DAY)], at=NOW, days=Days(TODAY + DAY))
    second = news(after, invoice(due_on=TODAY + 5 * DAY), today=TODAY + 6 * DAY)
    assert (none, [event.about for event in first + second]) == ([], ["2026-11-22", "2026-11-27"])


def test_says_when_the_next_bill_falls_due() -> None:
    bills = [invoice("1", due_on=TODAY - DAY), invoice("2", due_on=TODAY + 9 * DAY), invoice("3", due_on=TODAY + DAY)]
    assert due_next([*bills, invoice("4", "paid", due_on=TODAY)], Days(TODAY)) == TODAY + DAY
    assert due_next(bills[:1], Days(TODAY)) is None


def test_tells_of_each_parcel_once() -> None:
    before = book(order("1", "packed", ("a", "packed"), ("b", "waiting")))
    after, first = compare(
        before, [order("1", "on_its_way", ("a", "on_its_way"), ("b", "waiting"))], at=NOW, days=Days(TODAY)
    )
    after, none = see(after, order("1", "on_its_way", ("a", "delivered"), ("b", "packed")))
    after, second = compare(
        after, [order("1", "delivered", ("a", "delivered"), ("b", "delivered"))], at=NOW, days=Days(TODAY)
    )
    assert [event.about for event in first] == ["a"]
    assert none == []
    assert [event.names for event in second] == [("order_delivered", "order_shipped")]


def test_tells_how_far_an_order_is() -> None:
    after, confirmed = see(book(order("1", "received")), order("1", "confirmed"))
    after, packed = see(after, order("1", "packed"))
    after, back = see(after, order("1", "confirmed"))
    after, gone = see(after, order("1", "cancelled"))
    assert [event.names for event in (*confirmed, *packed, *back, *gone)] == [("order_moved",)] * 3
    told = [event.about for event in (*confirmed, *packed, *gone)]
    assert told == ["it is confirmed", "it is packed", "it is cancelled"]
    assert back == []


@pytest.mark.parametrize("after", ["received", "confirmed", "cancelled"])
def test_does_not_tell_customers_what_they_did_to_an_offer(after: OrderState) -> None:
    assert news(book(order("1", "quoted")), order("1", after)) == []


def test_tells_that_all_of_an_order_is_there_once() -> None:
    before = book(order("1", "on_its_way", ("a", "on_its_way")))
    after, events = see(before, order("1", "delivered", ("a", "delivered")))
    assert events == [Event(names=("order_delivered",), record="1", about="all of it is there")]
    assert news(after, order("1", "delivered", ("a", "delivered"), at=NOW + DAY)) == []


def test_reminds_of_a_bill_once_for_each_due_date() -> None:
    bill = invoice(due_on=TODAY + 5 * DAY)
    early = first_book([bill], system="s", at=NOW, days=Days(TODAY, 3))
    assert compare(early, [bill], at=NOW, days=Days(TODAY + DAY, 3))[1] == []
    after, first = compare(early, [bill], at=NOW, days=Days(TODAY + 2 * DAY, 3))
    after, none = compare(after, [bill], at=NOW, days=Days(TODAY + 4 * DAY, 3))
    later = invoice(due_on=TODAY + 9 * DAY)
    after, not_yet = compare(after, [later], at=NOW, days=Days(TODAY + 5 * DAY, 3))
    after, second = compare(after, [later], at=NOW, days=Days(TODAY + 6 * DAY, 3))
    assert [(event.names, event.about) for event in (*first, *second)] == [
        (("invoice_due",), str(bill.due_on)),
        (("invoice_due",), str(later.due_on)),
    ]
    assert none == not_yet == []


def test_reminds_of_no_bill_that_says_itself_that_it_is_due_soon() -> None:
    after, events = compare(book(), [invoice(due_on=TODAY + DAY)], at=NOW, days=Days(TODAY, 3))
    assert [event.names for event in events] == [("invoice_new",)]
    assert compare(after, [invoice(due_on=TODAY + DAY)], at=NOW, days=Days(TODAY + DAY, 3))[1] == []


def test_looks_on_the_days_that_matter() -> None:
    bills = [invoice(due_on=TODAY + 5 * DAY)]
    assert due_next(bills, Days(TODAY, 3)) == TODAY + DAY, "the last day on which nobody is reminded"
    assert due_next(bills, Days(TODAY + 2 * DAY, 3)) == TODAY + 5 * DAY


def test_tells_that_a_request_is_solved() -> None:
    after, events = see(book(ticket("1", "working")), ticket("1", "solved", at=NOW + DAY))
    assert [event.names for event in events] == [("request_solved",)]
    assert news(after, ticket("1", "solved", at=NOW + 2 * DAY)) == []


def test_tells_of_an_order_whose_parcels_nobody_names() -> None:
    after, events = see(book(order()), order("1", "on_its_way"))
    assert events == [Event(names=("order_shipped",), record="1", about="")]
    assert news(after, order("1", "on_its_way", ("a", "on_its_way"))) == []
    assert [event.names for event in news(after, order("1", "delivered"))] == [("order_delivered",)]


def test_tells_nothing_of_an_old_order_that_it_never_saw() -> None:
    shipped = replace(order("1", "on_its_way"), ordered_at=NOW - 2 * DAY)
    assert news(book(), shipped) == []
    assert names(book(), order("1", "on_its_way")) == [("order_shipped",)]


def test_tells_of_an_answer() -> None:
    later = NOW + timedelta(hours=1)
    theirs = message("m", NOW - DAY, customer=True)
    events = news(book(ticket()), ticket("1", "working", theirs, message("n", later), at=later))
    assert events == [Event(names=("request_answered",), record="1", about="answer n")]


def test_tells_of_an_answer_that_waits_for_the_customer_as_one() -> None:
    later = NOW + timedelta(hours=1)
    events = news(book(ticket()), ticket("1", "awaiting_customer", message("n", later), at=later))
    assert events == [Event(names=("request_waits", "request_answered"), record="1", about="answer n")]


def test_tells_of_one_answer_once_though_its_state_comes_later() -> None:
    later = NOW + timedelta(hours=1)
    answer = message("n", later)
    after, first = see(book(ticket()), ticket("1", "working", answer, at=later))
    second = news(after, ticket("1", "awaiting_customer", answer, at=later + timedelta(seconds=1)))
    third = news(after, ticket("1", "awaiting_customer", answer, at=later + timedelta(hours=9)))
    assert first[0].about == second[0].about  # one mail
    assert third[0].about != first[0].about  # somebody decided it later


@pytest.mark.parametrize("state", ["working", "received"])
def test_tells_nothing_of_what_the_customer_wrote(state: TicketState) -> None:
    later = NOW + timedelta(hours=1)
    before = book(ticket("1", "awaiting_customer"))
    theirs = (message("m", NOW - DAY), message("n", later, customer=True))
    assert news(before, ticket("1", state, *theirs, at=later)) == []
    new = ticket("2", state, message("o", later, customer=True), at=later, created_at=later)
    assert news(before, new) == []


def test_tells_nothing_of_what_is_internal() -> None:
    """Something has changed, and no public message came."""
    old = message("m", NOW - DAY)
    assert news(book(ticket()), ticket("1", "working", old, at=NOW + timedelta(hours=1))) == []


def test_tells_of_answers_of_one_second() -> None:
    """By its id, where the clock does not tell them apart."""
    after, _ = compare(
        book(ticket()), [ticket("1", "working", message("n", NOW + DAY), at=NOW + DAY)], at=NOW, days=Days(TODAY)
    )
    both = (message("n", NOW + DAY), message("o", NOW + DAY))
    assert [event.about for event in news(after, ticket("1", "working", *both, at=NOW + DAY))] == ["answer o"]


def test_tells_of_a_request_that_we_began() -> None:
    new = ticket("9", "awaiting_customer", message("m", NOW + DAY), at=NOW + DAY, created_at=NOW + DAY)
    assert names(book(), new) == [("request_waits", "request_answered")]


def test_tells_nothing_of_an_old_request_that_it_never_saw() -> None:
    assert news(book(), ticket("9", "awaiting_customer", message("m", NOW - 5 * DAY), at=NOW + DAY)) == []


def test_reads_only_what_may_have_news() -> None:
    before = book(ticket("1"), ticket("2"), ticket("3"))
    listed = [
        ticket("1"),
        ticket("2", at=NOW + DAY),
        ticket("3", "solved"),
        ticket("4", created_at=NOW, at=NOW),
        ticket("5", at=NOW - 9 * DAY),
        ticket("6", "working", message("m"), at=NOW + DAY),  # it is whole
    ]
    assert to_read(before, [*listed, invoice()]) == ["2", "3", "4"]


def test_is_not_misled_by_an_answer_from_before() -> None:
    """A late answer of a copy of theirs that is behind."""
    after, _ = see(book(order()), order("1", "on_its_way", at=NOW + DAY))
    after, none = see(after, order("1", "packed", at=NOW))
    assert none == []
    assert news(after, order("1", "on_its_way", at=NOW + DAY)) == []


def test_remembers_what_a_list_holds_no_more() -> None:
    after, _ = see(book(invoice("1")), invoice("2"))
    assert news(after, invoice("1"), invoice("2")) == []


def test_is_bounded() -> None:
    after = book(*(invoice(str(key)) for key in range(MOST)))
    after, _ = see(after, invoice("new"))
    assert len(after.entries) == MOST
    assert "new" in after.entries


@pytest.mark.parametrize(
    ("record", "event", "is_so"),
    [
        (invoice(due_on=TODAY - DAY), "invoice_overdue", True),
        (invoice(state="paid", due_on=TODAY - DAY), "invoice_overdue", False),
        (invoice(state="cancelled"), "invoice_new", False),
        (invoice(), "invoice_new", True),
        (ticket("1", "working"), "request_waits", False),
        (ticket("1", "awaiting_customer"), "request_waits", True),
        (ticket("1", "solved"), "request_answered", True),
        (order("1", "cancelled"), "order_shipped", False),
        (order("1", "delivered"), "order_shipped", True),
    ],
)
def test_knows_when_it_is_no_news_any_more(record: Record, event: EventName, *, is_so: bool) -> None:
    assert is_still_so([event], record, TODAY) == (event if is_so else None)


def test_falls_back_to_what_is_still_so() -> None:
    assert is_still_so(["request_waits", "request_answered"], ticket("1", "working"), TODAY) == "request_answered"


STATES: list[OrderState] = ["received", "confirmed", "packed", "on_its_way", "delivered"]


@given(st.data())
def test_tells_once_whatever_the_order_of_looks(data: st.DataObject) -> None:
    """A history of an order, seen in any order and any number of times, of which a part is never seen."""
    history = [order("1", state, at=NOW + at * timedelta(minutes=1)) for at, state in enumerate(STATES)]
    seen = data.draw(st.lists(st.sampled_from(history), max_size=20))
    current = book(history[0])
    events: list[Event] = []
    for each in [*seen, history[-1], *data.draw(st.permutations(history))]:
        current, its = see(current, each)
        events += its
    told = [name for event in events for name in event.names]
    assert (told.count("order_shipped"), told.count("order_delivered")) == (1, 1)
    assert told[-1] != "order_moved", "what it is at the end is told last"
    assert len({event.about for event in events}) == len(events)
