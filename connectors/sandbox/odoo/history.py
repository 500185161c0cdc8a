"""Years of a customer's orders and invoices out of a few lines of seed; the same ones every time."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

DUE_DAYS = 30
CREDITED_EVERY, CANCELLED_EVERY = 40, 55  # invoices
NEWEST = ("not_paid", "not_paid", "not_paid", "partial", "in_payment")  # payment states, newest first


def history(facts: dict[str, Any], today: date) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write the orders and the invoices, oldest first, in the form of the seed."""
    orders, invoices, numbers = list[dict[str, Any]](), list[dict[str, Any]](), Counter[int]()
    for index in range(facts["count"]):
        age = facts["count"] - 1 - index
        issued = today - timedelta(days=3 + age * facts["every_days"])
        common = {
            "partner_id": facts["partner_id"],
            "currency": facts["currency"],
            "tax": facts["tax"],
            "lines": [facts["lines"][(index * step) % len(facts["lines"])] for step in (1, 3, 7)[: 1 + index % 3]],
        }
        order = f"S{facts['first_order'] + index:05d}"
        orders.append(
            common
            | {
                "id": facts["first_order"] + index,
                "name": order,
                "date_order": issued - timedelta(days=2),
                "invoice_status": "invoiced",
                "delivery_status": "full" if age > 1 else "partial",
            }
        )
        numbers[issued.year] += 1
        invoices.append(
            common
            | {
                "id": facts["first_invoice"] + 2 * index,  # a place left for a credit note
                "name": f"INV/{issued.year}/{numbers[issued.year]:05d}",
                "invoice_date": issued,
                "invoice_date_due": issued + timedelta(days=DUE_DAYS),
                "invoice_origin": order,
            }
            | _state(index, age)
        )
        if invoices[-1].get("payment_state") == "reversed":
            invoices.append(_credit_note(invoices[-1]))
    return orders, invoices


def _state(index: int, age: int) -> dict[str, str]:
    if age < len(NEWEST):
        return {"payment_state": NEWEST[age]}
    if index % CREDITED_EVERY == CREDITED_EVERY - 1:
        return {"payment_state": "reversed"}
    if index % CANCELLED_EVERY == CANCELLED_EVERY - 1:
        return {"state": "cancel", "payment_state": "not_paid"}
    return {"payment_state": "paid"}


def _credit_note(invoice: dict[str, Any]) -> dict[str, Any]:
    changed = {
        "id": invoice["id"] + 1,
        "name": f"R{invoice['name']}",
        "move_type": "out_refund",
        "payment_state": "paid",
        "reversed_entry_id": invoice["id"],
        "ref": f"Reversal of: {invoice['name']}",
    }
    return invoice | changed
