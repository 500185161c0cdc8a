"""Orders and invoices: lines, totals, dates and back-references, worked out from what the seed says."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.sandbox.odoo.pickings import deliver
from connectors.sandbox.odoo.store import Row, Store

CENT = Decimal("0.01")
UNIT = 1  # all is sold by the piece
FIRST_PRODUCT = 501
LINES_EACH = 100  # line ids are the document's id times this, plus their place
MICROSECOND = 259_704  # the database keeps what the API does not show
SALES = frozenset({"out_invoice", "out_refund", "out_receipt"})


def instant(value: date) -> datetime:
    """A moment as the database keeps it: aware, with microseconds. A bare date means nine o'clock."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(9), UTC)
    return value.replace(microsecond=MICROSECOND)


def add_order(store: Store, document: dict[str, Any]) -> None:
    row = _document(store, document)
    row.setdefault("state", "sale")
    row.setdefault("invoice_status", "no")
    row["date_order"] = instant(row["date_order"])
    row["locked"] = False
    row["access_url"] = f"/my/orders/{row['id']}"
    row["partner_invoice_id"] = row["partner_shipping_id"] = row["partner_id"]
    row["invoice_ids"] = []
    row.setdefault("write_date", row["date_order"])
    lines = list(_lines(document))
    for line in lines:
        line |= {"order_id": row["id"], "currency_id": row["currency_id"]}
        line["product_uom_qty"] = line.pop("quantity", Decimal(0))
        if not line["display_type"]:
            line |= {"product_id": _product(store, line, row, document.get("tax", 0)), "product_uom": UNIT}
    row["order_line"] = [line["id"] for line in lines]
    _keep(store, "sale.order", row, "sale.order.line", lines)
    deliver(store, row)


def add_invoice(store: Store, document: dict[str, Any], orders: dict[str | None, Row]) -> None:
    """Keep an invoice. `orders` are those it may come from, by name."""
    row = _document(store, document)
    for name, value in (("state", "posted"), ("move_type", "out_invoice"), ("payment_state", "not_paid")):
        row.setdefault(name, value)
    row["amount_total_signed"] = _sign(row) * row["amount_total"]
    _owe(row, row.get("amount_residual", _residual(row)))
    row["date"] = row.setdefault("invoice_date", None)  # a draft has none
    row["payment_reference"] = row.get("name")
    row["access_url"] = f"/my/invoices/{row['id']}"
    row["commercial_partner_id"] = store.rows["res.partner"][row["partner_id"]]["commercial_partner_id"]
    row["is_move_sent"] = row["state"] == "posted"
    row.setdefault("write_date", row["date"])
    if order := orders.get(row.get("invoice_origin")):
        order["invoice_ids"].append(row["id"])
    lines = list(_lines(document))
    row["invoice_line_ids"] = [line["id"] for line in lines]
    lines.extend(_booking_lines(row, len(lines)))
    for line in lines:
        line |= {"move_id": row["id"], "move_name": row.get("name"), "date": row["date"]}
        line |= {"currency_id": row["currency_id"], "partner_id": row["partner_id"]}
        line["display_type"] = line["display_type"] or "product"
    row["line_ids"] = [line["id"] for line in lines]
    _keep(store, "account.move", row, "account.move.line", lines)


def settle(invoice: Row, payment_state: str) -> None:
    """Say how an invoice is paid, and leave to pay what goes with it."""
    invoice["payment_state"] = payment_state
    _owe(invoice, _residual(invoice))


def _owe(row: Row, amount: Decimal) -> None:
    row |= {"amount_residual": amount, "amount_residual_signed": _sign(row) * amount}


def _product(store: Store, line: Row, order: Row, tax: int) -> int:
    """Find what a line sells, by its name; it costs what it did when it was first sold."""
    products = store.rows["product.product"]
    found = next((id_ for id_, row in products.items() if row["name"] == line["name"]), None)
    if found is not None:
        return found
    id_ = FIRST_PRODUCT + len(products)
    product: Row = {"id": id_, "name": line["name"], "lst_price": line["price_unit"], "tax": tax, "uom_id": UNIT}
    products[id_] = product | {"sale_ok": True, "active": True, "write_date": instant(order["write_date"])}
    return id_


def _sign(row: Row) -> int:
    return -1 if row["move_type"] == "out_refund" else 1


def _document(store: Store, document: dict[str, Any]) -> Row:
    row = {name: value for name, value in document.items() if name not in {"lines", "tax", "currency"}}
    currencies = store.rows["res.currency"].values()
    row["currency_id"] = next(one["id"] for one in currencies if one["name"] == document["currency"])
    row["company_id"] = 1
    lines = list(_lines(document))
    row["amount_untaxed"] = sum((line["price_subtotal"] for line in lines), Decimal(0))
    row["amount_total"] = sum((line["price_total"] for line in lines), Decimal(0))
    row["amount_tax"] = row["amount_total"] - row["amount_untaxed"]
    return row


def _lines(document: dict[str, Any]) -> Iterable[Row]:
    """A line is `[text, quantity, price]`; `[text]` is a heading."""
    factor = 1 + Decimal(document.get("tax", 0)) / 100
    for place, (text, *figures) in enumerate(document["lines"], 1):
        line: Row = {"id": document["id"] * LINES_EACH + place, "name": text, "sequence": place}
        line |= {"display_type": "line_section", "price_subtotal": Decimal(0), "price_total": Decimal(0)}
        if figures:
            quantity, price = map(Decimal, figures)
            total = quantity * price
            line |= {"display_type": None, "quantity": quantity, "price_unit": price, "price_subtotal": total}
            line["price_total"] = (total * factor).quantize(CENT, ROUND_HALF_UP)
        yield line


def _residual(row: Row) -> Decimal:
    """What is still to pay, where the seed does not say: half of what is partly paid."""
    total: Decimal = row["amount_total"]
    match row["payment_state"]:
        case "not_paid" | "blocked":
            return total
        case "partial":
            return (total / 2).quantize(CENT)
    return Decimal(0)


def _booking_lines(row: Row, places: int) -> Iterable[Row]:
    """The bookkeeping's own lines, which no customer reads."""
    booked = [("tax", row["amount_tax"]), ("payment_term", row["amount_total"])]
    for place, (kind, amount) in enumerate(booked, places + 1):
        line: Row = {"id": row["id"] * LINES_EACH + place, "name": row.get("name"), "sequence": place}
        yield line | {"display_type": kind, "quantity": Decimal(1), "price_unit": amount, "price_total": amount}


def _keep(store: Store, model: str, row: Row, line_model: str, lines: list[Row]) -> None:
    row["write_date"] = instant(row["write_date"])
    row.setdefault("create_date", row["write_date"])
    for line in lines:
        line["write_date"] = row["write_date"]
    store.rows[model][row["id"]] = row
    store.rows[line_model] |= {line["id"]: line for line in lines}
