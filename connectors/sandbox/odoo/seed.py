"""From the seed's files to the rows of an Odoo."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.sandbox.dates import resolve
from connectors.sandbox.odoo.documents import add_invoice, add_order, instant
from connectors.sandbox.odoo.history import history
from connectors.sandbox.odoo.models import load_models
from connectors.sandbox.odoo.store import Row, Store, User

HELPDESK = frozenset({"helpdesk.ticket", "helpdesk.ticket.stage", "helpdesk.ticket.team"})
FIRST_FILE, FIRST_MESSAGE = 8001, 9001


def load_odoo(folder: Path, now: datetime, *, helpdesk: bool) -> Store:
    """Read the seed. `helpdesk` says whether the helpdesk module is installed."""
    spec = _read(folder / "odoo.json", now)
    models = load_models(folder / "odoo_models.json", without=frozenset() if helpdesk else HELPDESK)
    users = tuple(User(user["id"], user["login"], user["key"]) for user in spec["users"])
    store = Store(spec["database"], users, models, {name: {} for name in models})
    _add_rows(store, spec["rows"], now)
    _finish_partners(store)
    _finish_users(store)
    past = [history(facts, now.date()) for facts in spec["history"]]
    for order in [*spec["orders"], *(order for orders, _ in past for order in orders)]:
        add_order(store, order)
    orders_by_name = {row["name"]: row for row in store.rows["sale.order"].values()}
    for invoice in [*spec["invoices"], *(invoice for _, invoices in past for invoice in invoices)]:
        add_invoice(store, invoice, orders_by_name)
    if helpdesk:
        more = _read(folder / "helpdesk.json", now)
        _add_rows(store, more["rows"], now)
        for ticket in more["tickets"]:
            _add_ticket(store, ticket)
    known = [{"id": number, "model": name, "name": name} for number, name in enumerate(sorted(models), 1)]
    _add_rows(store, {"ir.model": known}, now)
    return store


def _read(file: Path, now: datetime) -> dict[str, Any]:
    spec = resolve(json.loads(file.read_bytes(), parse_float=Decimal), now)
    assert isinstance(spec, dict)  # noqa: S101  # the seed is ours
    return spec


def _add_rows(store: Store, rows: dict[str, list[Row]], now: datetime) -> None:
    for model, items in rows.items():
        for row in items:
            row.setdefault("write_date", instant(now))
            row.setdefault("active", True)
            store.rows[model][row["id"]] = row


def _finish_partners(store: Store) -> None:
    partners = store.rows["res.partner"]
    for id_, row in partners.items():
        top = row
        while not top.get("is_company") and top.get("parent_id"):
            top = partners[top["parent_id"]]
        row["commercial_partner_id"] = top["id"]
        row.setdefault("type", "contact")
        row["complete_name"] = store.display_name("res.partner", row)
        row["email_normalized"] = row["email"].lower() if row.get("email") else None
        row["child_ids"] = [child["id"] for child in partners.values() if child.get("parent_id") == id_]


def _finish_users(store: Store) -> None:
    """What Odoo keeps of people, it keeps of their partners."""
    for row in store.rows["res.users"].values():
        partner = store.rows["res.partner"][row["partner_id"]]
        row |= {"email": partner.get("email"), "phone": partner.get("phone")}


def _add_ticket(store: Store, ticket: dict[str, Any]) -> None:
    row = {name: value for name, value in ticket.items() if name != "messages"}
    partner = store.rows["res.partner"][row["partner_id"]]
    row |= {"number": f"HT{row['id']:05d}", "active": True, "company_id": 1, "access_url": f"/my/ticket/{row['id']}"}
    row |= {"partner_name": partner["name"], "partner_email": partner["email"]}
    row["commercial_partner_id"] = partner["commercial_partner_id"]
    row["closed"] = store.rows["helpdesk.ticket.stage"][row["stage_id"]]["closed"]
    row["create_date"] = instant(row["create_date"])
    row["write_date"] = row["last_stage_update"] = instant(row.get("write_date", row["create_date"]))
    row["message_ids"] = [_add_message(store, row, message) for message in ticket["messages"]]
    files = store.rows["ir.attachment"].values()
    row["attachment_ids"] = [file["id"] for file in files if file["res_id"] == row["id"]]
    store.rows["helpdesk.ticket"][row["id"]] = row


def _add_message(store: Store, ticket: Row, message: dict[str, Any]) -> int:
    id_ = FIRST_MESSAGE + len(store.rows["mail.message"])
    row: Row = {"message_type": "comment", "subtype_id": 1, "is_internal": False} | message
    row |= {"id": id_, "model": "helpdesk.ticket", "res_id": ticket["id"], "date": instant(row["date"])}
    row["write_date"] = row["create_date"] = row["date"]
    row["attachment_ids"] = list(_add_files(store, ticket, row.pop("files", []), row["date"]))
    store.rows["mail.message"][id_] = row
    return id_


def _add_files(store: Store, ticket: Row, files: list[dict[str, Any]], at: datetime) -> Iterable[int]:
    for file in files:
        id_ = FIRST_FILE + len(store.rows["ir.attachment"])
        content = file["text"].encode()
        store.rows["ir.attachment"][id_] = {
            "id": id_,
            "name": file["name"],
            "mimetype": file["mimetype"],
            "type": "binary",
            "datas": content,
            "file_size": len(content),
            "checksum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            "res_model": "helpdesk.ticket",
            "res_id": ticket["id"],
            "write_date": at,
        }
        yield id_
