"""Odoo's values in ours: `false` is nothing, a reference is [id, name], money is a number to round by its currency."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, TypeVar

from msgspec import Meta

from connectors.errors import BadResponse
from connectors.records import Line, Money, Origin
from connectors.vendors.odoo.models import Row, read
from connectors.vendors.odoo.rpc import Odoo

T = TypeVar("T")

Text = str | bool
Ref = tuple[int, str] | bool
Day = date | bool
Moment = Annotated[datetime, Meta(tz=False)]  # in UTC, without saying so


class Currency(Row):
    name: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    decimal_places: Annotated[int, Meta(ge=0, le=6)]

    def money(self, amount: Decimal, sign: int = 1) -> Money:
        return Money(self.name, sign * _rounded(amount, Decimal(1).scaleb(-self.decimal_places)) + 0)  # never -0.00


async def currencies(office: Odoo, refs: Iterable[Ref]) -> dict[Ref, Currency]:
    """Look up what amounts are in. Without a currency an amount means nothing, so each must be found."""
    wanted = set(refs)
    rows = await read(office, Currency, "res.currency", keys(wanted))
    try:
        return {ref: rows[key(ref)] for ref in wanted}
    except KeyError:
        raise BadResponse("Odoo: an amount without a currency") from None


def given(value: T | bool) -> T | None:  # noqa: FBT001  # their null is a boolean
    """Odoo says `false` where there is nothing."""
    return None if isinstance(value, bool) else value


def key(ref: Ref) -> int:
    """0 where nothing is referred to: no record has it."""
    return 0 if isinstance(ref, bool) else ref[0]


def keys(refs: Iterable[Ref]) -> set[int]:
    return {key(ref) for ref in refs} - {0}


def owners(ref: Ref) -> frozenset[str]:
    """Whose a record is, from its commercial partner. Nobody's where it names none."""
    return frozenset(map(str, keys([ref])))


def origin(office: Odoo, record: int, changed: datetime, asked_at: datetime) -> Origin:
    return Origin(source=office.source, id=str(record), changed_at=in_utc(changed), fetched_at=asked_at)


def in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def line(text: Text, quantity: Decimal, total: Money, *, heading: bool) -> Line:
    """Make a line of an order or an invoice. A heading (a section or a note) has no figures."""
    if heading:
        return Line(text=given(text) or "")
    return Line(text=given(text) or "", quantity=_plain(quantity), total=total)


def _plain(number: Decimal) -> Decimal:
    """1.0 is 1, and what a float adds far behind the point is noise."""
    rounded = _rounded(number, Decimal("0.000001"))
    whole = rounded.to_integral_value()
    return whole if rounded == whole else rounded.normalize()


def _rounded(number: Decimal, step: Decimal) -> Decimal:
    try:
        rounded = number.quantize(step, ROUND_HALF_UP)
    except InvalidOperation:
        raise BadResponse("Odoo: a number beyond counting") from None
    if rounded.is_nan():  # msgspec reads the text "NaN" as a decimal
        raise BadResponse("Odoo: not a number")
    return rounded
