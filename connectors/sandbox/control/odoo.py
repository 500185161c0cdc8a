"""Odoo's orders and invoices."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from connectors.sandbox.control.kinds import Choice, Item, Kind, System
from connectors.sandbox.odoo.documents import instant, settle
from connectors.sandbox.odoo.pickings import deliver
from connectors.sandbox.odoo.store import Row, Store

INVOICES = frozenset({"out_invoice", "out_refund"})


def odoo_system(store: Store) -> System:
    orders, invoices = store.rows["sale.order"], store.rows["account.move"]

    def change_order(key: int, values: Mapping[str, str], now: datetime) -> None:
        row = orders[key]
        row |= {name: value or None for name, value in values.items()} | {"write_date": instant(now)}
        if row.get("delivery_status") == "full":
            row.setdefault("effective_date", instant(now))
        deliver(store, row)

    def change_invoice(key: int, values: Mapping[str, str], now: datetime) -> None:
        settle(invoices[key], values["payment_state"])
        invoices[key]["write_date"] = instant(now)

    return System(
        "Odoo",
        {
            "orders": Kind("Orders", lambda: list(_orders(store)), change_order),
            "invoices": Kind("Invoices", lambda: list(_invoices(store)), change_invoice),
        },
    )


def _orders(store: Store) -> Iterator[Item]:
    for row in store.rows["sale.order"].values():
        choices = (_choice(store, "sale.order", row, "state"), _choice(store, "sale.order", row, "delivery_status"))
        yield Item(row["id"], row["name"], _about(store, row), row["date_order"], choices)


def _invoices(store: Store) -> Iterator[Item]:
    """List what was sent to customers. How it is paid can be changed, and not what is cancelled."""
    for row in store.rows["account.move"].values():
        if row["state"] == "posted" and row["move_type"] in INVOICES:
            choices = (_choice(store, "account.move", row, "payment_state"),)
            yield Item(row["id"], row["name"], _about(store, row), instant(row["invoice_date"]), choices)


def _about(store: Store, row: Row) -> str:
    partner = store.display_name("res.partner", store.rows["res.partner"][row["partner_id"]])
    currency = store.rows["res.currency"][row["currency_id"]]["name"]
    return f"{partner}; {currency} {row['amount_total']:,}"


def _choice(store: Store, model: str, row: Row, name: str) -> Choice:
    known = tuple(key for key, _ in store.models[model].fields[name].selection)
    value = row.get(name) or ""
    return Choice(name, value, known if value else ("", *known))
