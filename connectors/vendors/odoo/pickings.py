"""Deliveries of an order, where the stock app is installed. Odoo calls one a picking, and its paper a delivery slip."""

from collections.abc import Iterable, Mapping, Sequence

from connectors.links import fit
from connectors.records import FileRef, Shipment, ShipmentState
from connectors.vendors.odoo.models import Row, search
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Moment, Ref, Text, given

MODEL = "stock.picking"
OUTGOING = "outgoing"  # not a return, nor a step within the warehouse
# Nothing comes after "done", when the goods leave the warehouse, so it is as delivered as Odoo can know: an order whose
# deliveries are all done is delivered too.
STATES: Mapping[str, ShipmentState] = {
    "waiting": "waiting",
    "confirmed": "waiting",
    "assigned": "waiting",
    "done": "delivered",
    "cancel": "cancelled",
}


class PickingRow(Row):
    name: Text
    state: str
    picking_type_code: Text
    scheduled_date: Moment | bool
    date_done: Moment | bool
    sale_id: Ref = False
    carrier_id: Ref = False
    carrier_tracking_ref: Text = False
    carrier_tracking_url: Text = False

    @property
    def shown(self) -> bool:
        """A draft is the warehouse's own."""
        return self.picking_type_code == OUTGOING and self.state != "draft" and given(self.name) is not None

    @property
    def files(self) -> tuple[FileRef, ...]:
        """Until the goods have left, a slip would say what may yet change."""
        if self.state != "done":
            return ()
        name = str(self.name).replace("/", "_")
        return (FileRef(id=f"slip-{self.id}", name=f"{name}.pdf", media_type="application/pdf"),)

    @property
    def shipment(self) -> Shipment:
        done, planned = given(self.date_done), given(self.scheduled_date)
        return Shipment(
            number=str(self.name),
            state=STATES.get(self.state, "unknown"),
            shipped_on=done.date() if done and self.state == "done" else None,
            expected_on=planned.date() if planned else None,
            carrier=None if isinstance(self.carrier_id, bool) else self.carrier_id[1],
            tracking_number=given(self.carrier_tracking_ref) or None,
            tracking_url=fit(given(self.carrier_tracking_url)),  # of several parcels it is a list, which is no link
        )


async def read_pickings(office: Odoo, orders: Iterable[int]) -> Sequence[PickingRow]:
    """Read what of these orders goes to the customer. Who may read sales may read this too."""
    rows = await search(
        office,
        PickingRow,
        MODEL,
        [("sale_id", "in", list(orders)), ("picking_type_code", "=", OUTGOING)],
        order="id",
    )
    return [row for row in rows if row.shown]
