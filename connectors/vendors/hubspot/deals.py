"""Deals, as far as they are the customer's business: an offer that was sent, and what was bought.

All the rest of a sales pipeline is staff's own, whoever the deal is with, and so are its reasons and its hopes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from connectors.contract import Answer
from connectors.records import Money, Order, OrderState, Origin
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.api import HubSpot, Row
from connectors.vendors.hubspot.pipelines import OFFERED, WON, Stage, stages
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

    def status(self, known: Mapping[tuple[str, str], Stage]) -> str | None:
        """Say what the deal is to a customer. None: nothing."""
        stage = known.get((self.pipeline or "", self.dealstage or ""))
        if stage is None:
            return None
        return WON if stage.is_won else OFFERED if stage.is_offer else None


async def deal_answers(
    office: HubSpot, rows: Sequence[Row[DealProperties]], asked_at: datetime
) -> tuple[Answer[Order], ...]:
    if not rows:
        return ()
    known = await stages(office, "deals")

    def make(row: Row[DealProperties], origin: Origin, total: Money) -> Order:
        status = row.properties.status(known) or ""
        return Order(
            origin=origin,
            number=row.id,
            vendor_state=status,
            state=STATES.get(status, "unknown"),
            total=total,
            title=row.properties.dealname or None,
            # Until a deal is won, this is when somebody hopes it will be.
            ordered_at=values.instant(row.properties.closedate) if status == WON else None,
        )

    shown = [row for row in rows if row.properties.status(known)]
    return await answers(office, "deals", shown, asked_at, make)
