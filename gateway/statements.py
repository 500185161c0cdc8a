"""A statement: the invoices and credit notes of some days, added up per currency, and what is not known of them.

What is open is as of when each source was read. When money came, no source says: so there is no balance of a past day.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from connectors.records import Invoice, Money
from gateway.account_view import Part
from gateway.home import Item
from gateway.statuses import is_to_pay

VOID = {"cancelled", "unknown"}  # nobody owes it, or nobody can say: listed, and added to nothing


class Period(Struct, frozen=True):
    """Some days, both ends within. `first` None: from the beginning."""

    first: date | None
    last: date

    def holds(self, day: date | None) -> bool:
        return day is not None and (self.first is None or self.first <= day) and day <= self.last


class Sums(Struct, frozen=True, kw_only=True):
    """What the entries in one currency come to: `invoiced` + `credit_notes` - `settled` = `left`.

    `currency` "": of those whose amounts are not shown, which come to nothing that could be said.

    `left` is what they still leave open; of that `to_pay` is asked for. `to_pay_before` is what older ones ask for, and
    `to_pay_in_all` what all do, of any day: what the list of invoices says. Both are None while that is not known.
    """

    currency: str
    count: int
    invoiced: Money
    credit_notes: Money
    settled: Money
    left: Money
    to_pay: Money
    to_pay_before: Money | None
    to_pay_in_all: Money | None


class Statement(Struct, frozen=True, kw_only=True):
    """`items` in the order of their days. `undated` have no day, so that nobody can say whether they belong here."""

    period: Period
    items: tuple[Item[Invoice], ...]
    sums: tuple[Sums, ...]
    undated: int
    parts: tuple[Part, ...]

    @property
    def missing(self) -> tuple[Part, ...]:
        """The sources of which something is missing that might belong here."""
        return tuple(part for part in self.parts if not part.complete)

    @property
    def outdated(self) -> tuple[Part, ...]:
        """The sources that can't be reached now, and of which we say what we knew."""
        return tuple(part for part in self.parts if part.fetched_at and part.state in {"down", "paused"})

    @property
    def is_whole(self) -> bool:
        """Whether it holds all that there is, as of the times that it names."""
        return not self.missing and not self.outdated


def is_counted(invoice: Invoice) -> bool:
    """Whether it is added up. What is in two currencies at once can't be, nor what is not shown."""
    if invoice.total is None or invoice.open is None:
        return False
    return invoice.state not in VOID and invoice.open.currency == invoice.total.currency


def currency_of(money: Money | None) -> str:
    return money.currency if money else ""


def make_statement(items: Sequence[Item[Invoice]], parts: Sequence[Part], period: Period) -> Statement:
    """Choose those of a period out of all `items`, which were read in `parts`."""
    chosen = sorted((item for item in items if period.holds(item.record.issued_on)), key=_by_day)
    older = [item.record for item in items if _is_older(item.record, period)]
    every = [item.record for item in items]
    is_known = all(part.fetched_at and part.all_open for part in parts)
    listed = [item.record for item in chosen]
    currencies = sorted(
        {currency_of(each.total) for each in listed} | {currency_of(each.open) for each in _asking(every)}
    )
    return Statement(
        period=period,
        items=tuple(chosen),
        sums=tuple(_sums(currency, listed, older, every, is_known=is_known) for currency in currencies),
        undated=sum(item.record.issued_on is None for item in items),
        parts=tuple(parts),
    )


def _sums(currency: str, listed: list[Invoice], older: list[Invoice], every: list[Invoice], *, is_known: bool) -> Sums:
    its = [each for each in listed if currency_of(each.total) == currency]
    counted = [(each, each.total, each.open) for each in its if is_counted(each) and each.total and each.open]

    def money(amounts: Iterable[Decimal]) -> Money:
        return Money(currency, sum(amounts, Decimal()))

    def to_pay(invoices: Iterable[Invoice]) -> Money:
        return money(each.open.amount for each in _asking(invoices) if each.open and each.open.currency == currency)

    return Sums(
        currency=currency,
        count=len(its),
        invoiced=money(total.amount for each, total, _ in counted if not each.is_credit_note),
        credit_notes=money(total.amount for each, total, _ in counted if each.is_credit_note),
        settled=money(total.amount - left.amount for _, total, left in counted),
        left=money(left.amount for *_, left in counted),
        to_pay=to_pay(its),
        to_pay_before=to_pay(older) if is_known else None,
        to_pay_in_all=to_pay(every) if is_known else None,
    )


def _asking(invoices: Iterable[Invoice]) -> list[Invoice]:
    return [each for each in invoices if is_to_pay(each)]


def _is_older(invoice: Invoice, period: Period) -> bool:
    return invoice.issued_on is not None and period.first is not None and invoice.issued_on < period.first


def _by_day(item: Item[Invoice]) -> tuple[date, str, str]:
    return item.record.issued_on or date.min, item.record.number, item.record.origin.id
