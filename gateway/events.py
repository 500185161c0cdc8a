"""What a change of a record is to its customer: rules over how it was when we last looked and how it is, and no more.

What was told before is judged here alone, and never by what a back office says of its changes: however often and in
whatever order it tells them, how it was and how it is stay the same.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from connectors.records import Invoice, Message, Order, Record, Ticket
from gateway.occasions import Concern, Days, EventName, is_due_soon
from gateway.statuses import is_overdue

MOST = 1000  # records of a list that are remembered, also those that it does not hold any more
# What we see for the first time may be old all the same: it was another customer's, or lay behind the end of a long
# history. So it is news only if it began after the last look, or not so long before. Bills are dated back.
BACKDATED = timedelta(days=31)
BEFORE = timedelta(days=1)
TOGETHER = timedelta(minutes=10)  # an answer and what it does to the state are one change
LEFT = frozenset({"on_its_way", "delivered"})
# An order that was an offer moves by its customer's own doing, and one that has left is told of as such.
WAY = ("received", "confirmed", "packed", "on_its_way")
ALL_OF_IT = ""  # for a parcel: the source tells of none, and the order as a whole has left


class Entry(Struct, frozen=True, array_like=True):
    """A record as it was. `told` is what of it is no news any more.

    That is the parcels that have left, the last answer, or the due date of which the customer was reminded.
    """

    state: str
    changed_at: datetime | None = None
    told: tuple[str, ...] = ()


class Book(Struct, frozen=True, array_like=True):
    """What was known of one list at the last look. `system` names what it was read from: another one has other ids.

    `words` is the version of what staff say about statuses, by which its states were called then.
    """

    system: str
    looked_at: datetime
    entries: dict[str, Entry] = {}
    words: int = 0


class Topic(Struct, frozen=True):
    """Whose records, from where."""

    account: str
    source: str
    kind: Concern


class Event(Struct, frozen=True, kw_only=True):
    """Something happened to a record. `about` differs from that of the next such event of the same record.

    `names` are all that it may be called, the most telling first.
    """

    names: tuple[EventName, ...]
    record: str
    about: str


def first_book(records: Iterable[Record], *, system: str, at: datetime, days: Days) -> Book:
    """Begin with a list: nothing that it holds is news."""
    return Book(system, at, _kept({}, {record.origin.id: _entry(record, days) for record in records}))


def compare(book: Book, records: Iterable[Record], *, at: datetime, days: Days) -> tuple[Book, list[Event]]:
    """Compare a list with what was known of it. What it holds no more stays known for a while.

    Tickets come with their messages where `to_read` names them.
    """
    entries: dict[str, Entry] = {}
    events: list[Event] = []
    for record in records:
        before = book.entries.get(record.origin.id)
        if before and _is_older(record, before):
            continue
        entry, event = _compare_one(record, before, since=book.looked_at, days=days)
        entries[record.origin.id] = entry
        if event:
            events.append(event)
    return replace(book, looked_at=at, entries=_kept(book.entries, entries)), events


def reworded(book: Book, records: Iterable[Record], days: Days) -> Book:
    """Call what has not changed over there by the new words: that we call it otherwise is no news."""
    entries = dict(book.entries)
    for record in records:
        before = entries.get(record.origin.id)
        if before and before.changed_at == record.origin.changed_at:
            now = _entry(record, days)
            told = before.told if isinstance(record, Ticket) else tuple(sorted({*before.told, *now.told}))
            entries[record.origin.id] = Entry(now.state, before.changed_at, told)
    return replace(book, entries=entries)


def to_read(book: Book, records: Iterable[Record]) -> list[str]:
    """Name the tickets of which only their messages tell whether they were answered."""
    return [
        record.origin.id
        for record in records
        if isinstance(record, Ticket) and record.messages is None and _may_have_news(record, book)
    ]


def _compare_one(record: Record, before: Entry | None, *, since: datetime, days: Days) -> tuple[Entry, Event | None]:
    match record:
        case Ticket():
            return _ticket(record, before, since)
        case Invoice():
            return _invoice(record, before, since, days)
        case Order():
            return _order(record, before, since, days)
        case _:
            return _entry(record, days), None


def _ticket(ticket: Ticket, before: Entry | None, since: datetime) -> tuple[Entry, Event | None]:
    """An answer is a public message of ours. Whether the customer wrote, or a colleague of theirs, is no news."""
    entry = Entry(ticket.state, ticket.origin.changed_at, before.told if before else ())
    answers = [message for message in ticket.messages or () if not message.from_customer]
    if answers:
        entry = replace(entry, told=(answers[-1].id,))
    news = _after(answers, before, since)
    was_other = before.state != ticket.state if before else ticket.created_at >= since - BEFORE
    turned = ticket.state == "awaiting_customer" and was_other
    solved = ticket.state == "solved" and before is not None and before.state not in {"solved", "unknown"}
    if not news and not turned and not solved:
        return entry, None
    names: list[EventName] = []
    if ticket.state == "awaiting_customer":
        names.append("request_waits")
    if solved:
        names.append("request_solved")
    if news:
        names.append("request_answered")
    about = _occasion(ticket, answers, is_news=bool(news))
    return entry, Event(names=tuple(names), record=ticket.origin.id, about=about)


def _after(answers: list[Message], before: Entry | None, since: datetime) -> list[Message]:
    """Give the answers that came since the last look."""
    if before is None:
        return [message for message in answers if message.at >= since - BEFORE]
    ids = [message.id for message in answers]
    if before.told and before.told[0] in ids:
        return answers[ids.index(before.told[0]) + 1 :]
    return [message for message in answers if before.changed_at is None or message.at > before.changed_at]


def _occasion(ticket: Ticket, answers: list[Message], *, is_news: bool) -> str:
    """Name the answer that it is about, or the moment in which it began to wait, where that was no answer's doing."""
    changed = ticket.origin.changed_at
    waits = ticket.state == "awaiting_customer"
    if answers and (is_news or (waits and changed and changed - answers[-1].at <= TOGETHER)):
        return f"answer {answers[-1].id}"
    return f"{ticket.state} {changed.isoformat() if changed else ''}"


def _invoice(invoice: Invoice, before: Entry | None, since: datetime, days: Days) -> tuple[Entry, Event | None]:
    """A new bill says itself when it is due, so nobody is reminded of one that is due soon when it comes."""
    entry = _entry(invoice, days)
    if before is None:
        dated = invoice.issued_on is None or invoice.issued_on >= (since - BACKDATED).date()
        is_bill = invoice.state in {"open", "part_paid", "paid"} and not invoice.is_credit_note
        return entry, _event("invoice_new", invoice) if dated and is_bill else None
    if not entry.told:
        entry = replace(entry, told=before.told)
    if entry.state == "overdue" != before.state:
        return entry, _event("invoice_overdue", invoice, str(invoice.due_on))
    return entry, _event("invoice_due", invoice, str(invoice.due_on)) if entry.told != before.told else None


def _order(order: Order, before: Entry | None, since: datetime, days: Days) -> tuple[Entry, Event | None]:
    """One look tells one thing of an order: that all is there, that some has left, or how far it is."""
    entry = _entry(order, days)
    known = set(before.told) if before else set[str]()
    if before is None and (order.ordered_at is None or order.ordered_at < since - BEFORE):
        return entry, None
    # Where the source told of the order as a whole once, what it says of parcels later is the same story.
    new = set() if ALL_OF_IT in known or (known and entry.told == (ALL_OF_IT,)) else set(entry.told) - known
    entry = replace(entry, told=tuple(sorted(known | set(entry.told))))
    was = before.state if before else None
    names: tuple[EventName, ...] = ("order_shipped",) if new else ()
    if order.state == "delivered" and was not in {None, "delivered", "unknown"}:
        return entry, Event(names=("order_delivered", *names), record=order.origin.id, about="all of it is there")
    if new:
        return entry, Event(names=names, record=order.origin.id, about=" ".join(sorted(new)))
    return entry, _event("order_moved", order, f"it is {order.state}") if _has_moved(was, order.state) else None


def _has_moved(before: str | None, now: str) -> bool:
    """Whether an order is further on its way, though it has not left, or will not come."""
    if before not in WAY:
        return False
    return now == "cancelled" or (now in WAY[:-1] and WAY.index(now) > WAY.index(before))


def _entry(record: Record, days: Days) -> Entry:
    """Write down how a record is, as of the first look."""
    state = record.state
    told: tuple[str, ...] = ()
    if isinstance(record, Invoice):
        state = "overdue" if is_overdue(record, days.today) else record.state
        told = (str(record.due_on),) if is_due_soon(record, days) else ()
    if isinstance(record, Order):
        left = {parcel.number for parcel in record.shipments if parcel.state in LEFT}
        told = tuple(sorted(left)) or ((ALL_OF_IT,) if record.state in LEFT else ())
    return Entry(state, record.origin.changed_at, told)


def _event(name: EventName, record: Record, about: str = "") -> Event:
    return Event(names=(name,), record=record.origin.id, about=about)


def _may_have_news(ticket: Ticket, book: Book) -> bool:
    before = book.entries.get(ticket.origin.id)
    if before is None:
        return (ticket.origin.changed_at or ticket.created_at) >= book.looked_at - BEFORE
    if _is_older(ticket, before):
        return False
    return (ticket.state, ticket.origin.changed_at) != (before.state, before.changed_at)


def _is_older(record: Record, before: Entry) -> bool:
    """Whether it is an answer from before the one that we have seen already, by their clock."""
    changed = record.origin.changed_at
    return changed is not None and before.changed_at is not None and changed < before.changed_at


def _kept(before: Mapping[str, Entry], now: Mapping[str, Entry]) -> dict[str, Entry]:
    """Join what was known with what is seen now, the latest seen first, and forget what was not seen for longest."""
    joined = {**now, **{key: entry for key, entry in before.items() if key not in now}}
    return dict(list(joined.items())[:MOST])
