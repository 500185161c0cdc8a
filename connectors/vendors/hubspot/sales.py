"""What orders and deals have in common: a price, a currency, an owner, lines."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from msgspec.structs import replace

from connectors.contract import Answer
from connectors.records import Money, Order, Origin
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.account import read_account
from connectors.vendors.hubspot.api import HubSpot, Row
from connectors.vendors.hubspot.associations import contacts_of, owners
from connectors.vendors.hubspot.lines import read_lines
from connectors.vendors.hubspot.listing import Sold


class Priced(Protocol):
    """The properties of something that is sold, as texts."""

    @property
    def price(self) -> str | None: ...
    @property
    def currency(self) -> str | None: ...


P = TypeVar("P", bound=Priced)
Make = Callable[[Row[P], Origin, Money], Order]


def key_of(object_type: Sold, key: str) -> str:
    """Give the id of a record. Orders and deals are numbered apart, and here they are of one kind."""
    return f"{object_type.removesuffix('s')}-{key}"


async def answers(
    office: HubSpot, object_type: Sold, rows: Sequence[Row[P]], asked_at: datetime, make: Make[P]
) -> tuple[Answer[Order], ...]:
    """Make answers of what has a price; the rest is unfinished. Each says itself whose it is, as it is associated."""
    prices = {row.id: price for row in rows if (price := values.amount(row.properties.price)) is not None}
    if not prices:
        return ()
    priced = [row for row in rows if row.id in prices]
    owned = await owners(office, object_type, list(prices))
    # An account with a single currency names it nowhere else.
    implied = not all(row.properties.currency for row in priced)
    home = (await read_account(office)).company_currency if implied else ""
    currencies = {row.id: values.currency(row.properties.currency) or home for row in priced}
    lines = await read_lines(office, object_type, currencies)

    def answer(row: Row[P]) -> Answer[Order]:
        changed = row.updated_at.astimezone(UTC)
        origin = Origin(source=office.source, id=key_of(object_type, row.id), changed_at=changed, fetched_at=asked_at)
        order = make(row, origin, Money(currencies[row.id], prices[row.id]))
        whose = owned.get(row.id, frozenset())
        return Answer(whose, replace(order, lines=lines.get(row.id, ()), people=contacts_of(whose)))

    return tuple(map(answer, priced))
