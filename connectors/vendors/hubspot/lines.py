"""What orders and deals consist of: their line items, in the order in which they are printed.

https://developers.hubspot.com/docs/api-reference/crm-line-items-v3/guide. Costs and margins are among their properties;
we ask for none of those.
"""

from collections.abc import Mapping

from msgspec import Struct

from connectors.records import Line, Money
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.api import BATCH, HubSpot, Row, read_all
from connectors.vendors.hubspot.associations import associated
from connectors.vendors.hubspot.listing import Sold

MOST = 1000  # lines of a page of orders; those after them come without


class LineProperties(Struct):
    """`amount` is what all of the quantity costs, after discounts."""

    name: str | None = None
    quantity: str | None = None
    amount: str | None = None
    hs_line_item_currency_code: str | None = None
    hs_position_on_quote: str | None = None


async def read_lines(
    office: HubSpot, object_type: Sold, currencies: Mapping[str, str]
) -> Mapping[str, tuple[Line, ...]]:
    """Read the lines of some orders or deals. Amounts are in the currency of each, unless a line names one itself.

    One has all of its lines, or none: those of a huge one would be asked for hundreds of times.
    """
    belonging = await associated(office, object_type, list(currencies), "line_items")
    fitting: list[str] = []
    wanted: list[str] = []
    for key in currencies:
        ids = belonging.get(key, frozenset())
        if ids and len(wanted) + len(ids) <= MOST:
            fitting.append(key)
            wanted += sorted(ids, key=int)
    rows: dict[str, Row[LineProperties]] = {}
    for start in range(0, len(wanted), BATCH):
        found = await read_all(office, LineProperties, "line_items", wanted[start : start + BATCH])
        rows |= {row.id: row for row in found}
    printed = sorted(rows.values(), key=_place)
    return {
        key: tuple(_line(row.properties, currencies[key]) for row in printed if row.id in belonging[key])
        for key in fitting
    }


def _place(row: Row[LineProperties]) -> tuple[bool, int, int]:
    """Those without a position come last, the oldest first."""
    position = values.amount(row.properties.hs_position_on_quote)
    return position is None, int(position or 0), int(row.id)


def _line(its: LineProperties, currency: str) -> Line:
    amount = values.amount(its.amount)
    own = values.currency(its.hs_line_item_currency_code)
    total = None if amount is None else Money(own or currency, amount)
    return Line(text=its.name or "", quantity=values.amount(its.quantity), total=total)
