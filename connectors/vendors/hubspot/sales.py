"""What orders and deals have in common: a price, a currency, an owner."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from connectors.contract import Answer
from connectors.records import Money, Order, Origin
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.account import read_account
from connectors.vendors.hubspot.api import HubSpot, ObjectType, Row
from connectors.vendors.hubspot.associations import owners


class Priced(Protocol):
    """The properties of something that is sold, as texts."""

    @property
    def price(self) -> str | None: ...
    @property
    def currency(self) -> str | None: ...


P = TypeVar("P", bound=Priced)
Make = Callable[[Row[P], Origin, Money], Order]


async def answers(
    office: HubSpot, object_type: ObjectType, rows: Sequence[Row[P]], asked_at: datetime, make: Make[P]
) -> tuple[Answer[Order], ...]:
    """Make answers of what has a price; the rest is unfinished. Each says itself whose it is, as it is associated."""
    priced = [(row, price) for row in rows if (price := values.amount(row.properties.price)) is not None]
    if not priced:
        return ()
    owned = await owners(office, object_type, [row.id for row, _ in priced])
    # An account with a single currency names it nowhere else.
    implied = not all(row.properties.currency for row, _ in priced)
    home = (await read_account(office)).company_currency if implied else ""

    def answer(row: Row[P], money: Money) -> Answer[Order]:
        changed = row.updated_at.astimezone(UTC)
        # Orders and deals are numbered apart, and here they are of one kind.
        key = f"{object_type.removesuffix('s')}-{row.id}"
        origin = Origin(source=office.source, id=key, changed_at=changed, fetched_at=asked_at)
        return Answer(owned.get(row.id, frozenset()), make(row, origin, money))

    return tuple(answer(row, Money(values.currency(row.properties.currency) or home, price)) for row, price in priced)
