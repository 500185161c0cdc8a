"""What the first page says: what needs the customer, what is under way, what is to pay, what is new."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Generic, TypeVar

from msgspec import Struct

from cache.same import Same
from connectors.records import Invoice, Money, Order, Record
from gateway.account_view import Part
from gateway.rights import AREA_OF, Area
from gateway.statuses import is_delayed, is_overdue, is_to_pay, is_under_way, needs_customer

LISTS = 256  # of which is kept what they bring, as of those that stay unpacked

R_co = TypeVar("R_co", bound=Record, covariant=True)
Place = tuple[float | str, ...]  # of one form within a group


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
    unsaid: int  # invoices to pay whose amounts are not shown
    news: tuple[Item[Record], ...]


class Share(Struct, frozen=True, kw_only=True):
    """What one list brings to Home on a day, each with its place in the order of that group."""

    needs: tuple[tuple[Place, Record], ...]
    under_way: tuple[tuple[Place, Record], ...]
    to_pay: tuple[Invoice, ...]


def home(parts: Sequence[Part], today: date, since: datetime | None) -> Home:
    """Merge the parts. `since` is the last visit; without one nothing is news."""
    shares = [(part, share_of(Same(part.records), today)) for part in parts]
    news = ((part, [(_newest(record), record) for record in _news(part, since)]) for part in parts if since)
    return Home(
        needs=_in_order((part, share.needs) for part, share in shares),
        under_way=_in_order((part, share.under_way) for part, share in shares),
        totals=totals((invoice for _, share in shares for invoice in share.to_pay), today),
        unsaid=sum(invoice.open is None for _, share in shares for invoice in share.to_pay),
        news=_in_order(news),
    )


def needs_by_area(parts: Iterable[Part], today: date, also: Iterable[Area] = ()) -> tuple[tuple[Area, int], ...]:
    """Count what needs the customer, where anything does. `also` are the areas of what is no record."""
    counts: dict[Area, int] = {**dict.fromkeys(AREA_OF.values(), 0), "documents": 0}
    for area in also:
        counts[area] += 1
    for part in parts:
        counts[AREA_OF[part.kind]] += len(share_of(Same(part.records), today).needs)
    return tuple((area, count) for area, count in counts.items() if count)


@lru_cache(maxsize=LISTS)
def share_of(records: Same[tuple[Record, ...]], today: date) -> Share:
    """Look through a list. Whoever looks again finds the same one."""
    needs: list[Record] = []
    rest: list[Record] = []
    for record in records.it:
        (needs if needs_customer(record, today) else rest).append(record)
    return Share(
        needs=tuple((_urgency(record), record) for record in needs),
        under_way=tuple((_way(today, record), record) for record in rest if is_under_way(record)),
        to_pay=tuple(record for record in records.it if isinstance(record, Invoice) and is_to_pay(record)),
    )


def totals(records: Iterable[Record], today: date) -> tuple[Total, ...]:
    """Add up what is to pay, per currency, in the alphabet of the currency codes."""
    by_currency: dict[str, list[Invoice]] = {}
    for record in records:
        if isinstance(record, Invoice) and record.open and is_to_pay(record):
            by_currency.setdefault(record.open.currency, []).append(record)
    return tuple(_total(currency, by_currency[currency], today) for currency in sorted(by_currency))


def _total(currency: str, invoices: list[Invoice], today: date) -> Total:
    overdue = [invoice for invoice in invoices if is_overdue(invoice, today)]
    coming = [invoice.due_on for invoice in invoices if invoice.due_on and invoice.due_on >= today]
    return Total(
        to_pay=_sum(currency, invoices),
        count=len(invoices),
        overdue=_sum(currency, overdue),
        overdue_count=len(overdue),
        next_due_on=min(coming, default=None),
    )


def _sum(currency: str, invoices: Iterable[Invoice]) -> Money:
    return Money(currency, sum((invoice.open.amount for invoice in invoices if invoice.open), Decimal()))


def _in_order(found: Iterable[tuple[Part, Iterable[tuple[Place, Record]]]]) -> tuple[Item[Record], ...]:
    placed = [(place, Item(record, part)) for part, group in found for place, record in group]
    placed.sort(key=itemgetter(0))
    return tuple(item for _, item in placed)


def _urgency(record: Record) -> Place:
    """Longest overdue first, then the questions to the customer, the oldest first."""
    match record:
        case Invoice(due_on=date() as due_on):
            return 0, due_on.isoformat()
        case _:
            return 1, _changed(record)


def _newest(record: Record) -> Place:
    changed_at = record.origin.changed_at
    return -(changed_at.timestamp() if changed_at else 0.0), record.number


def _way(today: date, record: Record) -> Place:
    """What is late first, then the newest."""
    return not (isinstance(record, Order) and is_delayed(record, today)), *_newest(record)


def _changed(record: Record) -> str:
    return record.origin.changed_at.isoformat() if record.origin.changed_at else ""


def _news(part: Part, since: datetime) -> list[Record]:
    return [record for record in part.records if record.origin.changed_at and record.origin.changed_at > since]
