"""What the first page says: what needs the customer, what is under way, what is to pay, what is new."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Generic, TypeVar

from msgspec import Struct

from connectors.records import Invoice, Money, Order, Record, Ticket
from gateway.account_view import Part
from gateway.statuses import is_delayed, is_open_offer, is_overdue, is_to_pay, is_under_way

R_co = TypeVar("R_co", bound=Record, covariant=True)


class Item(Struct, Generic[R_co], frozen=True):
    """A record together with the part it came in, which knows its source and its age."""

    record: R_co
    part: Part


class Total(Struct, frozen=True, kw_only=True):
    """What is to pay in one currency; never a sum over two."""

    to_pay: Money
    count: int
    overdue: Money
    overdue_count: int
    next_due_on: date | None


class Home(Struct, frozen=True, kw_only=True):
    needs: tuple[Item[Record], ...]
    under_way: tuple[Item[Record], ...]
    totals: tuple[Total, ...]
    news: tuple[Item[Record], ...]


def home(parts: Sequence[Part], today: date, since: datetime | None) -> Home:
    """Merge the parts. `since` is the last visit; without one nothing is news."""
    needs: list[Item[Record]] = []
    under_way: list[Item[Record]] = []
    news: list[Item[Record]] = []
    for part in parts:
        for record in part.records:
            if needs_customer(record, today):
                needs.append(Item(record, part))
            elif is_under_way(record):
                under_way.append(Item(record, part))
            if since and _is_news(record, since):
                news.append(Item(record, part))
    return Home(
        needs=tuple(sorted(needs, key=_urgency)),
        under_way=tuple(sorted(under_way, key=partial(_way, today))),
        totals=totals((record for part in parts for record in part.records), today),
        news=tuple(sorted(news, key=_newest)),
    )


def needs_customer(record: Record, today: date) -> bool:
    match record:
        case Invoice():
            return is_overdue(record, today)
        case Ticket():
            return record.state == "awaiting_customer"
        case _:
            return is_open_offer(record, today)


def totals(records: Iterable[Record], today: date) -> tuple[Total, ...]:
    """Add up what is to pay, per currency, in the alphabet of the currency codes."""
    by_currency: dict[str, list[Invoice]] = {}
    for record in records:
        if isinstance(record, Invoice) and is_to_pay(record):
            by_currency.setdefault(record.open.currency, []).append(record)
    return tuple(_total(currency, by_currency[currency], today) for currency in sorted(by_currency))


def _total(currency: str, invoices: list[Invoice], today: date) -> Total:
    overdue = [invoice for invoice in invoices if is_overdue(invoice, today)]
    coming = [invoice.due_on for invoice in invoices if invoice.due_on and invoice.due_on >= today]
    return Total(
        to_pay=Money(currency, sum((invoice.open.amount for invoice in invoices), Decimal())),
        count=len(invoices),
        overdue=Money(currency, sum((invoice.open.amount for invoice in overdue), Decimal())),
        overdue_count=len(overdue),
        next_due_on=min(coming, default=None),
    )


def _urgency(item: Item[Record]) -> tuple[int, str]:
    """Longest overdue first, then the questions to the customer, the oldest first."""
    match item.record:
        case Invoice(due_on=date() as due_on):
            return 0, due_on.isoformat()
        case record:
            return 1, _changed(record)


def _newest(item: Item[Record]) -> tuple[float, str]:
    changed_at = item.record.origin.changed_at
    return -(changed_at.timestamp() if changed_at else 0.0), item.record.number


def _way(today: date, item: Item[Record]) -> tuple[bool, tuple[float, str]]:
    """What is late first, then the newest."""
    return not (isinstance(item.record, Order) and is_delayed(item.record, today)), _newest(item)


def _changed(record: Record) -> str:
    return record.origin.changed_at.isoformat() if record.origin.changed_at else ""


def _is_news(record: Record, since: datetime) -> bool:
    changed_at = record.origin.changed_at
    return changed_at is not None and changed_at > since
