"""What there is to tell customers of: the events by name, and whether one is still so."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Literal, get_args

from msgspec import Struct

from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.rights import Area
from gateway.statuses import is_overdue, is_to_pay

EventName = Literal[
    "request_waits",
    "request_answered",
    "request_solved",
    "request_failed",
    "invoice_new",
    "invoice_due",
    "invoice_overdue",
    "order_moved",
    "order_shipped",
    "order_delivered",
    "document_asked",
]
EVENTS: tuple[EventName, ...] = get_args(EventName)
OFF_FOR = timedelta(days=7)  # nobody looked for so long: what is older is no news any more
Concern = Literal[Kind, "documents", "sent"]  # what it is about: a record of theirs, or one of our own
AREA_OF_EVENT: Mapping[EventName, Area] = {
    "request_waits": "requests",
    "request_answered": "requests",
    "request_solved": "requests",
    "request_failed": "requests",
    "invoice_new": "invoices",
    "invoice_due": "invoices",
    "invoice_overdue": "invoices",
    "order_moved": "orders",
    "order_shipped": "orders",
    "order_delivered": "orders",
    "document_asked": "documents",
}


class Days(Struct, frozen=True):
    """The day by which a bill is overdue, and how many days before it is due that is said. None: it is not said."""

    today: date
    before: int | None = None


def due_next(records: Iterable[Record], days: Days) -> date | None:
    """Say on which day a list is as it is for the last time: a bill is to be told of on the next one."""
    due = [each.due_on for each in records if isinstance(each, Invoice) and is_to_pay(each) and each.due_on]
    soon = [] if days.before is None else [day - timedelta(days=days.before + 1) for day in due]
    return min((day for day in (*due, *soon) if day >= days.today), default=None)


def is_due_soon(invoice: Invoice, days: Days) -> bool:
    """Whether it is to pay within so many days, and not overdue."""
    if days.before is None or invoice.due_on is None or not is_to_pay(invoice):
        return False
    return days.today <= invoice.due_on <= days.today + timedelta(days=days.before)


def is_still_so(names: Collection[EventName], record: Record, today: date) -> EventName | None:
    """Give the most telling name that is still true of a record. None: it is no news any more, or none by mail."""
    if record.wording is not None and not record.wording.mails:
        return None
    match record:
        case Ticket():
            true = _of_ticket(record)
        case Invoice():
            true = _of_invoice(record, today)
        case Order():
            true = _of_order(record)
        case _:
            true = {}
    return next((name for name in names if true.get(name)), None)


def _of_ticket(ticket: Ticket) -> dict[EventName, bool]:
    waits, solved = ticket.state == "awaiting_customer", ticket.state == "solved"
    return {"request_waits": waits, "request_answered": True, "request_solved": solved}


def _of_invoice(invoice: Invoice, today: date) -> dict[EventName, bool]:
    overdue = is_overdue(invoice, today)
    is_due = is_to_pay(invoice) and not overdue
    return {"invoice_new": invoice.state != "cancelled", "invoice_due": is_due, "invoice_overdue": overdue}


def _of_order(order: Order) -> dict[EventName, bool]:
    return {
        "order_moved": order.state not in {"quoted", "unknown"},
        "order_shipped": order.state != "cancelled",
        "order_delivered": order.state == "delivered",
    }
