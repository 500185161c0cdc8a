"""What two sources say of one thing, and whether that is the same. How they write it never makes a difference."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from babel.numbers import get_currency_precision
from msgspec import Struct

from connectors.records import Invoice, Money, Order, Record

Listed = Literal["orders", "invoices"]
LISTED: tuple[Listed, ...] = ("orders", "invoices")  # kinds of records that two sources may have of one thing
Kind = Literal[Listed, "contacts"]
FACTS: Mapping[Kind, tuple[str, ...]] = {
    "orders": ("state", "total"),
    "invoices": ("state", "total", "open", "due_on"),
    "contacts": ("company", "email"),
}

# States that are equally far on: not every system has a word for each.
_AS_FAR: Mapping[str, str] = {
    "confirmed": "received",
    "on_its_way": "packed",
    "part_paid": "open",
    "cancelled": "credited",
}
_SIGNS: Mapping[str, str] = {"€": "EUR", "£": "GBP"}  # of signs that are one currency's alone
ZONES = timedelta(days=1)  # that one moment may be apart on two calendars


class Compared(Struct, frozen=True, kw_only=True):
    """One fact of one thing, as two sources have it, in words for staff. `field` is one of its kind's in `FACTS`."""

    field: str
    values: tuple[str, str]
    agrees: bool


def compare(one: Record, other: Record) -> tuple[Compared, ...]:
    """Compare what both sources know of a thing. What either of them leaves open is no fact."""
    return tuple(_compare(one, other))


def _compare(one: Record, other: Record) -> Iterator[Compared]:
    if "unknown" not in {one.state, other.state}:
        agrees = _AS_FAR.get(one.state, one.state) == _AS_FAR.get(other.state, other.state)
        yield Compared(field="state", values=(one.state, other.state), agrees=agrees)
    match one, other:
        case Order(total=ours), Order(total=theirs):
            yield from _money("total", ours, theirs)
        case Invoice(), Invoice():
            yield from _money("total", one.total, other.total)
            yield from _money("open", one.open, other.open)
            if one.due_on and other.due_on:
                agrees = same_day(one.due_on, other.due_on)
                yield Compared(field="due_on", values=(str(one.due_on), str(other.due_on)), agrees=agrees)


def same_currency(one: Money, other: Money) -> bool:
    return currency_of(one) == currency_of(other)


def same_amount(one: Money, other: Money) -> bool:
    """Alike within the smallest coin: two systems may round one amount in different directions."""
    if not same_currency(one, other):
        return False
    return abs(one.amount - other.amount) <= Decimal(1).scaleb(-get_currency_precision(currency_of(one)))


def same_day(one: date, other: date) -> bool:
    """Alike within a day: a moment is on two days at once, by the calendars of two time zones."""
    return abs(one - other) <= ZONES


def currency_of(money: Money) -> str:
    code = money.currency.strip().upper()
    return _SIGNS.get(code, code)


def _money(field: str, one: Money | None, other: Money | None) -> Iterator[Compared]:
    if one and other:
        yield Compared(field=field, values=(_shown(one), _shown(other)), agrees=same_amount(one, other))


def _shown(money: Money) -> str:
    return f"{currency_of(money)} {money.amount:f}"
