"""Commerce orders: what was bought, in a shop or otherwise. An order has no draft, so each of them is shown.

How far it is may be written in three places, by people and by other systems, in words of their own choice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from connectors.contract import Answer
from connectors.done import DONE
from connectors.records import Money, Order, OrderState, Origin, Shipment, ShipmentState
from connectors.vendors.hubspot import values
from connectors.vendors.hubspot.api import HubSpot, Row
from connectors.vendors.hubspot.listing import Condition
from connectors.vendors.hubspot.pipelines import Stage, Stages
from connectors.vendors.hubspot.sales import answers

# In the order in which they come. The stages are those of the pipeline that HubSpot made.
STATES: Mapping[str, OrderState] = {
    "Open": "received",
    "Processed": "confirmed",
    "Packing": "confirmed",  # a fulfilment status: not packed yet
    "Shipped": "on_its_way",
    "Delivered": "delivered",
    "Cancelled": "cancelled",
}
SHIPMENT_STATES: Mapping[OrderState, ShipmentState] = {
    "received": "waiting",
    "confirmed": "waiting",
    "on_its_way": "on_its_way",
    "delivered": "delivered",
    "cancelled": "cancelled",
}

STAGE = "hs_pipeline_stage"

_PROGRESS = list(STATES)
_SPELLED = {word.casefold(): word for word in STATES}


class OrderProperties(Struct):
    hs_order_name: str | None = None
    hs_total_price: str | None = None
    hs_currency_code: str | None = None
    hs_pipeline: str | None = None
    hs_pipeline_stage: str | None = None
    hs_fulfillment_status: str | None = None
    hs_external_order_status: str | None = None
    hs_external_created_date: str | None = None
    hs_createdate: str | None = None
    hs_shipping_tracking_number: str | None = None

    @property
    def price(self) -> str | None:
        return self.hs_total_price

    @property
    def currency(self) -> str | None:
        return self.hs_currency_code

    def status(self, stage: Stage | None) -> str:
        """Say how far it is, by whichever of the three places knows of more. A word of nobody's is as it stands."""
        said = [stage.label if stage else None, self.hs_fulfillment_status, self.hs_external_order_status]
        words = [word.strip() for word in said if word]
        known = [spelled for word in words if (spelled := _spelled(word))]
        return max(known, key=_PROGRESS.index) if known else next(iter(words), "")


def open_where(known: Stages) -> list[Condition]:
    """Say which orders may be open for all that their stage says. The other two places may yet know better."""
    done = sorted(key for (_, key), stage in known.items() if stage.is_closed or _is_done(stage.label))
    if not done:
        return [{"propertyName": "hs_object_id", "operator": "HAS_PROPERTY"}]
    without: Condition = {"propertyName": STAGE, "operator": "NOT_HAS_PROPERTY"}
    return [{"propertyName": STAGE, "operator": "NOT_IN", "values": done}, without]


async def order_answers(
    office: HubSpot, rows: Sequence[Row[OrderProperties]], known: Stages, asked_at: datetime
) -> tuple[Answer[Order], ...]:
    def make(row: Row[OrderProperties], origin: Origin, total: Money) -> Order:
        its = row.properties
        status = its.status(known.get((its.hs_pipeline or "", its.hs_pipeline_stage or "")))
        state = STATES.get(status, "unknown")
        tracking = its.hs_shipping_tracking_number
        return Order(
            origin=origin,
            number=its.hs_order_name or row.id,
            vendor_state=status,
            state=state,
            total=total,
            ordered_at=values.instant(its.hs_external_created_date) or values.instant(its.hs_createdate),
            shipments=(_shipment(tracking, state),) if tracking else (),
        )

    return await answers(office, "orders", rows, asked_at, make)


def _is_done(label: str) -> bool:
    return STATES.get(_spelled(label) or "") in DONE["orders"]


def _spelled(word: str) -> str | None:
    """Find a word of HubSpot's, however it is written here."""
    return _SPELLED.get(word.strip().casefold())


def _shipment(tracking: str, state: OrderState) -> Shipment:
    return Shipment(number=tracking, state=SHIPMENT_STATES.get(state, "unknown"), tracking_number=tracking)
