"""The way of an order."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors.records import Money, Order, OrderState, Origin, Shipment
from gateway.steps import Step, steps_of

TODAY = date(2026, 11, 22)
AT = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def order(state: OrderState, **more: object) -> Order:
    origin = Origin(source="s", id="1", fetched_at=AT)
    return Order(
        origin=origin,
        number="1",
        vendor_state="x",
        state=state,
        total=Money("EUR", Decimal(1)),
        ordered_at=AT,
        **more,  # type: ignore[arg-type]
    )


def test_marks_what_is_done_what_is_now_and_what_comes() -> None:
    steps = steps_of(order("packed", expected_on=date(2026, 11, 27)), TODAY)
    assert [step.state for step in steps] == ["done", "done", "now", "next", "next"]
    assert steps[0] == Step("Received", "done", AT)
    assert steps[-1] == Step("Delivered", "next", date(2026, 11, 27), is_expected=True)


def test_says_when_the_first_parcel_left() -> None:
    parcels = tuple(Shipment(number=str(day), state="on_its_way", shipped_on=date(2026, 11, day)) for day in (20, 18))
    steps = steps_of(order("on_its_way", shipments=parcels), TODAY)
    assert (steps[3].state, steps[3].day) == ("now", date(2026, 11, 18))


def test_says_that_an_order_is_late() -> None:
    assert steps_of(order("confirmed", expected_on=date(2026, 11, 21)), TODAY)[1].state == "late"


def test_ends_when_all_is_delivered() -> None:
    assert {step.state for step in steps_of(order("delivered"), TODAY)} == {"done"}


@pytest.mark.parametrize("state", ["quoted", "cancelled", "unknown"])
def test_draws_no_way_for_what_goes_another(state: OrderState) -> None:
    assert steps_of(order(state), TODAY) == ()
