"""Deliveries, worked out from how far an order's delivery is."""

from connectors.sandbox.odoo.store import Row, Store

STATES = {"pending": ("confirmed",), "started": ("assigned",), "partial": ("done", "assigned"), "full": ("done",)}
EACH = 10  # a delivery's id is its order's id times this, plus its place
CARRIER = 1


def deliver(store: Store, order: Row) -> None:
    """Make the deliveries that the order's status tells of, in place of those it had."""
    pickings = store.rows["stock.picking"]
    for id_ in [id_ for id_, row in pickings.items() if row["sale_id"] == order["id"]]:
        del pickings[id_]
    order["picking_ids"] = []
    for place, state in enumerate(STATES.get(order.get("delivery_status") or "", ()), 1):
        id_ = order["id"] * EACH + place
        row: Row = {"id": id_, "name": f"WH/OUT/{id_:05d}", "state": state, "sale_id": order["id"]}
        row |= {"picking_type_code": "outgoing", "partner_id": order["partner_id"]}
        row["scheduled_date"] = order.get("commitment_date") or order["date_order"]
        if state == "done":
            row["date_done"] = order.get("effective_date") or order["write_date"]
            row |= {"carrier_id": CARRIER, "carrier_tracking_ref": f"KM{id_:09d}"}
        row["create_date"] = row["write_date"] = order["write_date"]
        pickings[id_] = row
        order["picking_ids"].append(id_)
