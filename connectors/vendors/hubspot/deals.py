"""Deals, as far as they are the customer's business: an offer that was sent, and what was bought.

All the rest of a sales pipeline is staff's own, whoever the deal is with, and so are its reasons and its hopes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import cast

from msgspec import Struct, defstruct

from connectors.contract import Answer
from connectors.records import Money, Order, OrderState, Origin
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.api import HubSpot, Row, properties_of
from connectors.vendors.hubspot.listing import Condition
from connectors.vendors.hubspot.pipelines import OFFERED, WON, Stage, Stages
from connectors.vendors.hubspot.sales import answers

STATES: Mapping[str, OrderState] = {OFFERED: "quoted", WON: "confirmed"}


class DealProperties(Struct):
    dealname: str | None = None
    amount: str | None = None
    deal_currency_code: str | None = None
    pipeline: str | None = None
    dealstage: str | None = None
    closedate: str | None = None

    @property
    def price(self) -> str | None:
        return self.amount

    @property
    def currency(self) -> str | None:
        return self.deal_currency_code

    def status(self, known: Stages) -> str | None:
        """Say what the deal is to a customer. None: nothing."""
        stage = known.get((self.pipeline or "", self.dealstage or ""))
        return status_of(stage) if stage else None


@cache
def deal_row(number_property: str) -> type[DealProperties]:
    """Declare the account's own property for the number of an offer, too. HubSpot has none."""
    if not number_property or number_property in properties_of(DealProperties):
        return DealProperties
    number = ("own_number", str | None, None)
    row = defstruct("NumberedDeal", [number], bases=(DealProperties,), rename={"own_number": number_property})
    return cast("type[DealProperties]", row)


def status_of(stage: Stage) -> str | None:
    return WON if stage.is_won else OFFERED if stage.is_offer else None


def open_where(known: Stages) -> list[Condition]:
    """Say in which stages a customer has something to wait for. Won, too: HubSpot never says that it was delivered."""
    shown = sorted(key for (_, key), stage in known.items() if status_of(stage))
    return [{"propertyName": "dealstage", "operator": "IN", "values": shown}] if shown else []


async def deal_answers(
    office: HubSpot, rows: Sequence[Row[DealProperties]], known: Stages, asked_at: datetime
) -> tuple[Answer[Order], ...]:
    def make(row: Row[DealProperties], origin: Origin, total: Money) -> Order:
        status = row.properties.status(known) or ""
        return Order(
            origin=origin,
            number=getattr(row.properties, "own_number", None) or row.id,
            vendor_state=status,
            state=STATES.get(status, "unknown"),
            total=total,
            title=row.properties.dealname or None,
            # Until a deal is won, this is when somebody hopes it will be.
            ordered_at=values.instant(row.properties.closedate) if status == WON else None,
        )

    shown = [row for row in rows if row.properties.status(known)]
    return await answers(office, "deals", shown, asked_at, make)
