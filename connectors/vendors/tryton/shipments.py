"""What of a sale is sent, by whom, and the delivery note that goes along.

Carriers, their numbers and their pages come with optional modules of Tryton's: `stock_shipment_cost` and
`stock_package_shipping`. A field that the server doesn't have would end a question with a 500, so we look first.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from connectors.links import fit
from connectors.records import FileRef, Shipment, ShipmentState
from connectors.vendors.tryton import values
from connectors.vendors.tryton.formats import FORMATS, Format
from connectors.vendors.tryton.rest import Row, Tryton, search
from connectors.vendors.tryton.values import Day

MODEL = "stock.shipment.out"
NOTE = "stock.shipment.out.delivery_note"
# What a sale is asked for, by the field that tells whether the module is there.
OPTIONAL: Mapping[str, str] = {
    "shipments.carrier": "carrier",
    "shipments.shipping_reference": "shipping_reference",
    "shipments.root_packages": "shipping_reference",
}
# A shipment is "shipped" when it has left the warehouse (since 7.4), and "done" when the goods are with the customer
# in Tryton's books. Nothing comes after that, so it is as delivered as Tryton can know.
STATES: Mapping[str, ShipmentState] = {
    "draft": "waiting",
    "waiting": "waiting",
    "assigned": "waiting",
    "picked": "waiting",
    "packed": "packed",
    "shipped": "on_its_way",
    "done": "delivered",
    "cancelled": "cancelled",
}


class FieldRow(Row):
    name: str


class ReportRow(Row):
    extension: str | None  # none: as the template
    template_extension: str | None


class CarrierParty(Struct):
    rec_name: str


class Carrier(Struct):
    party: CarrierParty


class Parcel(Struct):
    shipping_tracking_url: str | None = None


class ShipmentRow(Struct):
    """One without a number is a draft."""

    id: int
    number: str | None
    state: str
    planned_date: Day | None
    effective_date: Day | None
    carrier: Carrier | None = None
    shipping_reference: str | None = None
    root_packages: list[Parcel] = msgspec.field(default_factory=list)  # only for who may read the stock's packages

    @property
    def has_left(self) -> bool:
        return bool(self.number) and self.state in ("shipped", "done")

    @property
    def shipment(self) -> Shipment:
        pages = {fit(each.shipping_tracking_url) for each in self.root_packages} - {None}
        return Shipment(
            number=self.number or "",
            state=STATES.get(self.state, "unknown"),
            shipped_on=values.on(self.effective_date),
            expected_on=values.on(self.planned_date),
            carrier=self.carrier.party.rec_name if self.carrier else None,
            tracking_number=self.shipping_reference or None,
            tracking_url=pages.pop() if len(pages) == 1 else None,
        )

    def note(self, form: Format) -> FileRef:
        name = f"Delivery Note-{self.number}.{form.extension}".replace("/", "_")
        return FileRef(id=f"note-{self.id}", name=name, media_type=form.media_type)


async def absent(office: Tryton) -> frozenset[str]:
    """Name what a sale must not be asked for, because this Tryton has no such field."""
    wanted = sorted(set(OPTIONAL.values()))
    clauses = [("model", "=", MODEL), ("name", "in", wanted)]
    rows, _ = await search(office, FieldRow, "ir.model.field", clauses, limit=len(wanted))
    known = {row.name for row in rows}
    return frozenset(path for path, field in OPTIONAL.items() if field not in known)


async def note_format(office: Tryton, shipments: Iterable[ShipmentRow]) -> Format | None:
    """Say in which format the notes of these come. None where none has left yet, or in a format that is not offered."""
    if not any(each.has_left for each in shipments):
        return None
    rows, _ = await search(office, ReportRow, "ir.action.report", [("report_name", "=", NOTE)], limit=1)
    return next((FORMATS.get(row.extension or row.template_extension or "") for row in rows), None)
