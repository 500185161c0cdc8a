"""Tryton's values in ours. JSON has no decimals and no dates, so these come as objects that name their class."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from connectors.records import Line, Money, Origin
from connectors.vendors.tryton.rest import Tryton

Quantity = Annotated[float, Meta(ge=-1e12, le=1e12)]


class Amount(Struct, frozen=True, tag_field="__class__", tag="Decimal"):
    """A decimal as Python writes it, with its exponent where it is tiny. Never "NaN", never "Infinity"."""

    decimal: Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,10})?(E-[0-9]{1,2})?\Z")]

    @property
    def value(self) -> Decimal:
        return Decimal(self.decimal) + 0  # never -0.00


class Day(Struct, frozen=True, tag_field="__class__", tag="date"):
    year: Annotated[int, Meta(ge=1, le=9999)]
    month: Annotated[int, Meta(ge=1, le=12)]
    day: Annotated[int, Meta(ge=1, le=31)]

    def __post_init__(self) -> None:
        date(self.year, self.month, self.day)  # msgspec makes its own error of a 31 February

    @property
    def value(self) -> date:
        return date(self.year, self.month, self.day)


class Moment(Struct, frozen=True, tag_field="__class__", tag="datetime"):
    """In UTC, without saying so."""

    year: Annotated[int, Meta(ge=1, le=9999)]
    month: Annotated[int, Meta(ge=1, le=12)]
    day: Annotated[int, Meta(ge=1, le=31)]
    hour: Annotated[int, Meta(ge=0, le=23)]
    minute: Annotated[int, Meta(ge=0, le=59)]
    second: Annotated[int, Meta(ge=0, le=59)]
    microsecond: Annotated[int, Meta(ge=0, le=999_999)]

    def __post_init__(self) -> None:
        date(self.year, self.month, self.day)

    @property
    def value(self) -> datetime:
        day = (self.year, self.month, self.day)
        return datetime(*day, self.hour, self.minute, self.second, self.microsecond, tzinfo=UTC)


class Currency(Struct):
    code: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]

    def money(self, amount: Amount) -> Money:
        return Money(self.code, amount.value)


class Product(Struct):
    rec_name: str


class LineRow(Struct):
    """A line of a sale or an invoice. Its amount is without tax, which Tryton computes for all lines together."""

    type: str
    description: str | None
    quantity: Quantity | None
    amount: Amount | None
    product: Product | None

    def shown(self, currency: Currency) -> Line:
        product = self.product.rec_name if self.product else None
        text = "\n".join(filter(None, (product, self.description)))
        if self.amount is None or self.type not in ("line", "subtotal"):
            return Line(text=text)
        quantity = None if self.quantity is None else plain(self.quantity)
        return Line(text=text, quantity=quantity, total=currency.money(self.amount))


def on(day: Day | None) -> date | None:
    return day.value if day else None


def plain(number: float) -> Decimal:
    """2.0 is 2, and what a float adds far behind the point is noise."""
    return Decimal(f"{number:.12g}")


def lines(rows: Sequence[LineRow], currency: Currency, taxes: Sequence[tuple[str, Amount]]) -> tuple[Line, ...]:
    """Make the lines of a record. Those of its taxes come last, so that all of them add up to its total."""
    below = [Line(text=text, total=currency.money(amount)) for text, amount in taxes if amount.value]
    return (*(row.shown(currency) for row in rows), *below)


def origin(office: Tryton, record: int, written: Moment | None, created: Moment | None, asked_at: datetime) -> Origin:
    changed = written or created  # a record has no date of writing until it is written again
    return Origin(
        source=office.source, id=str(record), changed_at=changed.value if changed else None, fetched_at=asked_at
    )
