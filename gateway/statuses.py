"""What each state means for the customer: one label, one meaning and one next step, the same words on every page."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from connectors.records import Invoice, Kind, Order, Record, Ticket, Wording

Tone = Literal["ok", "go", "warn", "bad", "idle"]


class Status(Struct, frozen=True):
    """Words for one state. `step` is how far along it is, of `STEPS`; None where a way has no steps."""

    label: str
    tone: Tone
    meaning: str
    next_step: str
    step: int | None = None


STEPS = 5

# Whatever has no words yet: true of every record, and promises nothing.
UNKNOWN = Status("To be confirmed", "idle", "We are checking how this stands.", "Ask us if you need to know now.")

ORDERS = {
    "quoted": Status("Quote", "idle", "We made you an offer.", "Tell us if you want it."),
    "expired": Status("Expired", "idle", "Our offer was valid until a day that has passed.", "Ask us for a new one."),
    "received": Status("Received", "go", "We have your order.", "Nothing to do. We confirm it next.", 1),
    "confirmed": Status("Confirmed", "go", "Your order is settled.", "Nothing to do. We get it ready next.", 2),
    "packed": Status("Packed", "go", "It is being made ready to leave us.", "Nothing to do. We send it next.", 3),
    "on_its_way": Status("On its way", "go", "It has left us, or a part of it has.", "Nothing to do.", 4),
    "delivered": Status("Delivered", "ok", "Everything has been delivered.", "Tell us if something is missing.", 5),
    "cancelled": Status("Cancelled", "idle", "It won’t come.", "Nothing to do. Ask us if you did not expect this."),
    "delayed": Status("Delayed", "warn", "It is later than we said.", "Ask us for the new date."),
}
SHIPMENTS = {
    "waiting": Status("Waiting", "idle", "It is not ready yet.", "Nothing to do."),
    "packed": Status("Packed", "go", "It leaves us next.", "Nothing to do."),
    "on_its_way": Status("On its way", "go", "The carrier has it.", "Follow the parcel."),
    "delivered": Status("Delivered", "ok", "It has been delivered.", "Tell us if something is missing."),
    "cancelled": Status("Cancelled", "idle", "It won’t come.", "Nothing to do."),
}
INVOICES = {
    "open": Status("Open", "idle", "It is not paid yet.", "Pay by the due date."),
    "part_paid": Status("Part paid", "warn", "A part is paid, the rest is open.", "Pay the rest by the due date."),
    "overdue": Status("Overdue", "bad", "Its due date has passed.", "Pay it. If you have paid already, do nothing."),
    "paid": Status("Paid", "ok", "There is nothing to pay. Thank you.", "Nothing to do."),
    "credited": Status("Credited", "idle", "We took it back, so there is nothing to pay for it.", "Nothing to do."),
    "cancelled": Status("Cancelled", "idle", "It is void, and there is nothing to pay for it.", "Nothing to do."),
    "credit_note": Status("Credit note", "ok", "We owe you this amount, or have settled it.", "Nothing to do."),
}
TICKETS = {
    "received": Status("We have it", "go", "Your request has reached us.", "Nothing to do. We answer next."),
    "working": Status("We’re on it", "go", "We are working on it.", "Nothing to do. We answer next."),
    "awaiting_customer": Status("Your reply needed", "go", "We can’t go on without you.", "Answer us."),
    "solved": Status("Solved", "ok", "We have finished with it.", "Answer us if something is still open for you."),
}
WORDS: Mapping[Kind, Mapping[str, Status]] = {"orders": ORDERS, "invoices": INVOICES, "tickets": TICKETS}


def status_of(record: Record, today: date) -> Status:
    """Find the words for a record. `today` is the business's date: whether a bill is overdue depends on it.

    What staff say of its status counts, word by word, but never against what follows from a day.
    """
    match record:
        case Order():
            if is_expired(record, today):
                return ORDERS["expired"]
            return ORDERS["delayed"] if is_delayed(record, today) else _said(ORDERS, record)
        case Invoice(is_credit_note=True, state="open" | "part_paid" | "paid"):
            return INVOICES["credit_note"]
        case Invoice():
            return INVOICES["overdue"] if is_overdue(record, today) else _said(INVOICES, record)
        case Ticket():
            return _said(TICKETS, record)
        case _:
            return UNKNOWN


def _said(table: Mapping[str, Status], record: Record) -> Status:
    usual = table.get(record.state, UNKNOWN)
    return worded(usual, record.wording) if record.wording else usual


@lru_cache(maxsize=1000)
def worded(usual: Status, wording: Wording) -> Status:
    """Put staff's words in the place of the usual ones."""
    return Status(
        wording.label or usual.label,
        usual.tone,
        wording.meaning or usual.meaning,
        wording.next_step or usual.next_step,
        usual.step,
    )


def is_to_pay(invoice: Invoice) -> bool:
    """An invoice that still asks for money. A credit note never does."""
    asks = invoice.state in {"open", "part_paid"} and not invoice.is_credit_note
    return asks and (invoice.open is None or invoice.open.amount > 0)


def is_overdue(invoice: Invoice, today: date) -> bool:
    """The due date itself is still in time."""
    return is_to_pay(invoice) and invoice.due_on is not None and invoice.due_on < today


def is_open_offer(record: Record, today: date) -> bool:
    """Something that we offered, and that the customer can accept or decline as it stands."""
    return isinstance(record, Order) and record.awaits_answer and not is_expired(record, today)


def is_expired(order: Order, today: date) -> bool:
    """The last day itself is still in time."""
    return order.state == "quoted" and order.valid_until is not None and order.valid_until < today


def needs_customer(record: Record, today: date) -> bool:
    """Something that waits for the customer, and for nobody else."""
    match record:
        case Invoice():
            return is_overdue(record, today)
        case Ticket():
            return record.state == "awaiting_customer"
        case _:
            return is_open_offer(record, today)


def is_under_way(record: Record) -> bool:
    """Something is still going to happen. A state nobody has words for yet counts: it must not vanish."""
    match record:
        case Order():
            return record.state not in {"delivered", "cancelled"}
        case Ticket():
            return record.state not in {"solved", "awaiting_customer"}
        case _:
            return False


def is_delayed(order: Order, today: date) -> bool:
    return (
        order.state in {"received", "confirmed", "packed"}
        and order.expected_on is not None
        and order.expected_on < today
    )
