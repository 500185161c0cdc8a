"""What an account of sales can do: make a draft, confirm or cancel an order, and say something about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import escape
from typing import Any

from connectors.sandbox.odoo.documents import add_order, instant
from connectors.sandbox.odoo.domain import ids_of
from connectors.sandbox.odoo.errors import missing_error, user_error, value_error
from connectors.sandbox.odoo.helpdesk import take_files
from connectors.sandbox.odoo.models import Model
from connectors.sandbox.odoo.pickings import deliver
from connectors.sandbox.odoo.store import Context, Row, Store

VALID_FOR = timedelta(days=30)
SUBTYPES = {"mail.mt_comment": 1, "mail.mt_note": 2}
FIRST_MESSAGE = 19001  # beyond those of the seed
WIZARD = {"type": "ir.actions.act_window", "res_model": "sale.order.cancel", "target": "new"}


def create(
    store: Store,
    model: Model,
    vals_list: list[Row],
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> list[int]:
    return [_create(store, model, values) for values in vals_list]


def action_confirm(
    store: Store,
    model: Model,
    ids: int | list[int],
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> bool:
    for row in _rows(store, model, ids):
        if row["state"] not in {"draft", "sent"}:
            raise user_error("Some orders are not in a state requiring confirmation.")
        now = instant(datetime.now(UTC))
        row |= {"state": "sale", "date_order": now, "delivery_status": "pending", "invoice_status": "to invoice"}
        row["write_date"] = now
        deliver(store, row)
    return True


def action_cancel(
    store: Store, model: Model, ids: int | list[int], *, context: Context = None
) -> bool | dict[str, str]:
    """Odoo asks first where it was sent, unless it is told not to: the answer is a form, and nothing has happened."""
    rows = _rows(store, model, ids)
    if not (context or {}).get("disable_cancel_warning") and any(row["state"] != "draft" for row in rows):
        return WIZARD
    for row in rows:
        row |= {"state": "cancel", "delivery_status": None, "write_date": instant(datetime.now(UTC))}
        deliver(store, row)
    return True


def message_post(
    store: Store,
    model: Model,
    ids: int | list[int],
    *,
    body: str = "",
    message_type: str = "notification",
    subtype_xmlid: str = "mail.mt_note",
    author_id: int | None = None,
    attachment_ids: list[int] | None = None,
    body_is_html: bool = False,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> int:
    (row,) = _rows(store, model, ids)
    id_, now = FIRST_MESSAGE + len(store.rows["mail.message"]), instant(datetime.now(UTC))
    message: Row = {"id": id_, "model": model.name, "res_id": row["id"], "date": now, "create_date": now}
    message |= {
        "body": body if body_is_html else f"<p>{escape(body)}</p>",
        "message_type": message_type,
        "author_id": author_id,
    }
    message |= {"subtype_id": SUBTYPES[subtype_xmlid], "is_internal": subtype_xmlid == "mail.mt_note"}
    files = take_files(store, row, model.name, attachment_ids or [])
    store.rows["mail.message"][id_] = message | {"write_date": now, "attachment_ids": files}
    return id_


CHANGING: dict[str, Callable[..., Any]] = {
    "create": create,
    "action_confirm": action_confirm,
    "action_cancel": action_cancel,
    "message_post": message_post,
}


def _create(store: Store, model: Model, values: Row) -> int:
    """Make a draft. Whatever is not given is worked out, the prices and the currency above all."""
    for name in values:
        model.field(name)
    orders, now = store.rows[model.name], datetime.now(UTC)
    if values.get("partner_id") not in store.rows["res.partner"]:
        raise user_error("The operation cannot be completed: a mandatory field is not set: Customer (partner_id)")
    id_ = max(orders) + 1
    products = [_line(store, command) for command in values["order_line"]]
    currency = next((row["currency_id"] for row in orders.values() if row["partner_id"] == values["partner_id"]), 1)
    document = {
        **values,
        "id": id_,
        "name": f"SO-{id_}",
        "state": "draft",
        "currency": store.rows["res.currency"][currency]["name"],
        "date_order": now,
        "create_date": instant(now),
        "validity_date": (now + VALID_FOR).date(),
        "tax": max((product["tax"] for product, _ in products), default=0),
        "lines": [[product["name"], quantity, product["lst_price"]] for product, quantity in products],
    }
    del document["order_line"]
    add_order(store, document)
    return id_


def _line(store: Store, command: list[Any]) -> tuple[Row, Decimal]:
    match command:
        case [0, _, {"product_id": product, "product_uom_qty": quantity, **rest}]:
            for name in rest:
                store.models.named("sale.order.line").field(str(name))
            return store.rows["product.product"][product], Decimal(str(quantity))
    raise value_error(f"Wrong value for order_line: {command!r}")


def _rows(store: Store, model: Model, ids: int | list[int]) -> list[Row]:
    known = store.rows[model.name]
    for id_ in ids_of(ids):
        if id_ not in known:
            raise missing_error(model.name, id_)
    return [known[id_] for id_ in ids_of(ids)]
