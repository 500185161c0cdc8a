"""The way of an order, step by step, with the dates that are known."""

from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from connectors.records import Order
from gateway.statuses import ORDERS, is_delayed

WAY = ("received", "confirmed", "packed", "on_its_way", "delivered")


class Step(Struct, frozen=True):
    """`day` None: it is not known when. An instant falls on a day of the business's own zone."""

    label: str
    state: Literal["done", "now", "late", "next"]
    day: date | datetime | None
    is_expected: bool = False  # the day lies ahead and may still change


def steps_of(order: Order, today: date) -> tuple[Step, ...]:
    """Lay the way out. An order that goes another way, such as a quote, has none."""
    if order.state not in WAY:
        return ()
    reached = WAY.index(order.state)
    days: dict[str, date | datetime | None] = {
        "received": order.ordered_at,
        "on_its_way": min((shipment.shipped_on for shipment in order.shipments if shipment.shipped_on), default=None),
    }
    steps = []
    for index, name in enumerate(WAY):
        if index < reached or order.state == "delivered":
            steps.append(Step(ORDERS[name].label, "done", days.get(name)))
        elif index == reached:
            label = order.wording.label if order.wording else None
            state: Literal["late", "now"] = "late" if is_delayed(order, today) else "now"
            steps.append(Step(label or ORDERS[name].label, state, days.get(name)))
        else:
            expected = order.expected_on if name == "delivered" else None
            steps.append(Step(ORDERS[name].label, "next", expected, is_expected=expected is not None))
    return tuple(steps)
