"""What an order or a deal consists of: its line items, in the order in which they are printed.

https://developers.hubspot.com/docs/api-reference/crm-line-items-v3/guide. Costs and margins are among their properties;
we ask for none of those.
"""

from msgspec import Struct

from connectors.records import Line, Money
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.api import BATCH, HubSpot, Row, read_all
from connectors.vendors.hubspot.associations import associated
from connectors.vendors.hubspot.listing import Sold


class LineProperties(Struct):
    """`amount` is what all of the quantity costs, after discounts."""

    name: str | None = None
    quantity: str | None = None
    amount: str | None = None
    hs_line_item_currency_code: str | None = None
    hs_position_on_quote: str | None = None


async def read_lines(office: HubSpot, object_type: Sold, key: str, currency: str) -> tuple[Line, ...]:
    """Read the lines of one order or deal. Amounts are in its currency, unless a line names one itself."""
    ids = sorted((await associated(office, object_type, [key], "line_items")).get(key, ()), key=int)
    rows: list[Row[LineProperties]] = []
    for start in range(0, len(ids), BATCH):
        rows += await read_all(office, LineProperties, "line_items", ids[start : start + BATCH])
    return tuple(_line(row.properties, currency) for row in sorted(rows, key=_place))


def _place(row: Row[LineProperties]) -> tuple[bool, int, int]:
    """Those without a position come last, the oldest first."""
    position = values.amount(row.properties.hs_position_on_quote)
    return position is None, int(position or 0), int(row.id)


def _line(its: LineProperties, currency: str) -> Line:
    amount = values.amount(its.amount)
    own = values.currency(its.hs_line_item_currency_code)
    total = None if amount is None else Money(own or currency, amount)
    return Line(text=its.name or "", quantity=values.amount(its.quantity), total=total)
