"""Sale orders, with their lines and deliveries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from connectors.contract import Answer, Page, Query, RecordQuery
from connectors.done import done_words
from connectors.records import Order, OrderState, Origin
from connectors.vendors.odoo import values
from connectors.vendors.odoo.models import Domain, Row, fields_of, newest, search
from connectors.vendors.odoo.partners import people
from connectors.vendors.odoo.pickings import PickingRow, read_pickings
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.sales import (
    CONFIRMED,
    MODEL,
    QUOTED,
    SHOWN,
    OrderRow,
    contacts_of,
    find_shown,
    owners_of,
    theirs,
)
from connectors.vendors.odoo.values import Currency, Ref, Text, given

STATES: Mapping[str, OrderState] = {
    "sent": "quoted",
    "sale": "confirmed",
    "done": "confirmed",  # locked; up to Odoo 16
    "cancel": "cancelled",
    # delivery_status, which says more than "sale" where the stock app is installed
    "pending": "confirmed",
    "started": "packed",
    "partial": "on_its_way",
    "full": "delivered",
}


class LineRow(Row):
    order_id: Ref
    display_type: Text
    name: Text
    product_uom_qty: Decimal
    price_total: Decimal


async def read_orders(office: Odoo, query: Query) -> Page[Order]:
    wanted = [*theirs(query.customer), *(await _open(office) if query.only_open else ())]
    rows, cursor = await newest(office, OrderRow, MODEL, wanted, query.cursor)
    return Page(await answers_of(office, [row for row in rows if row.state in SHOWN], query.asked_at), cursor)


async def fetch_order(office: Odoo, query: RecordQuery) -> Answer[Order]:
    row = await find_shown(office, OrderRow, query.id, query.customer)
    (answer,) = await answers_of(office, [row], query.asked_at)
    return answer


async def _open(office: Odoo) -> Domain:
    """Without the stock app nobody can tell that an order has been delivered, so each that was confirmed is open."""
    going: Domain = [("state", "not in", done_words("orders", STATES))]
    if not await fields_of(office, MODEL, {"delivery_status"}):
        return going
    return [*going, "|", ("state", "=", "sent"), ("delivery_status", "not in", done_words("orders", STATES))]


async def answers_of(office: Odoo, rows: Sequence[OrderRow], asked_at: datetime) -> tuple[Answer[Order], ...]:
    if not rows:
        return ()
    within = [("order_id", "in", [row.id for row in rows])]
    lines = await search(office, LineRow, "sale.order.line", within, order="sequence, id")
    contacts = await contacts_of(office, rows)
    money = await values.currencies(office, (row.currency_id for row in rows))
    pickings = await read_pickings(office, [row.id for row in rows])

    def answer(row: OrderRow) -> Answer[Order]:
        its_lines = [each for each in lines if values.key(each.order_id) == row.id]
        its_pickings = [each for each in pickings if values.key(each.sale_id) == row.id]
        origin = values.origin(office, row.id, row.write_date, asked_at)
        order = _order(row, its_lines, its_pickings, money[row.currency_id], origin)
        return Answer(owners_of(row, contacts), msgspec.structs.replace(order, people=people(row.partner_id, contacts)))

    return tuple(map(answer, rows))


def _order(
    row: OrderRow, lines: Sequence[LineRow], pickings: Sequence[PickingRow], currency: Currency, origin: Origin
) -> Order:
    state = row.state
    if state in CONFIRMED:
        state = given(row.delivery_status) or state
    ordered, promised = given(row.date_order), given(row.commitment_date)
    return Order(
        origin=origin,
        number=row.name,
        vendor_state=state,
        state=STATES.get(state, "unknown"),
        total=currency.money(row.amount_total),
        ordered_at=values.in_utc(ordered) if ordered else None,
        expected_on=promised.date() if promised else None,
        valid_until=given(row.validity_date) if row.state == QUOTED else None,
        awaits_answer=row.state == QUOTED and not row.require_payment,
        reference=given(row.client_order_ref) or None,
        lines=tuple(
            values.line(
                each.name,
                each.product_uom_qty,
                currency.money(each.price_total),
                heading=bool(each.display_type),
            )
            for each in lines
        ),
        shipments=tuple(each.shipment for each in pickings),
        files=tuple(file for each in pickings for file in each.files),
    )
