"""What an account of the helpdesk can do: make a ticket, bring it to another stage, and say something with files.

Odoo guesses what a file is where it is told nothing, or `application/octet-stream`; here a file is what was said.
"""

import hashlib
from base64 import b64decode
from datetime import UTC, datetime

from connectors.sandbox.odoo.documents import instant
from connectors.sandbox.odoo.domain import ids_of
from connectors.sandbox.odoo.errors import missing_error, user_error
from connectors.sandbox.odoo.models import Model
from connectors.sandbox.odoo.store import Context, Row, Store

REQUIRED = {"name": "Title", "description": "Description"}
COMPOSER = "mail.compose.message"
FIRST_FILE = 18001  # beyond those of the seed


def create_tickets(
    store: Store,
    model: Model,
    vals_list: list[Row],
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> list[int]:
    return [_create(store, model, values) for values in vals_list]


def write_tickets(
    store: Store,
    model: Model,
    ids: int | list[int],
    vals: Row,
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> bool:
    """Bring tickets to another stage."""
    if set(vals) != {"stage_id"}:
        raise user_error("only the stage is what the sandbox changes")
    stage, now = _stage(store, vals["stage_id"]), instant(datetime.now(UTC))
    for id_ in ids_of(ids):
        if id_ not in store.rows[model.name]:
            raise missing_error(model.name, id_)
        row = store.rows[model.name][id_]
        row |= {"stage_id": stage["id"], "closed": stage["closed"], "last_stage_update": now, "write_date": now}
        if stage["closed"]:
            row["closed_date"] = now
    return True


def create_files(
    store: Store,
    model: Model,
    vals_list: list[Row],
    *,
    context: Context = None,  # noqa: ARG001  # every method takes it
) -> list[int]:
    return [_keep_file(store, model, values) for values in vals_list]


def take_files(store: Store, record: Row, model: str, files: list[int]) -> list[int]:
    """Give the composer's files to the record that a message is about."""
    for id_ in files:
        if id_ not in store.rows["ir.attachment"]:
            raise missing_error("ir.attachment", id_)
        if store.rows["ir.attachment"][id_]["res_model"] == COMPOSER:
            store.rows["ir.attachment"][id_] |= {"res_model": model, "res_id": record["id"]}
    return list(files)


def _create(store: Store, model: Model, values: Row) -> int:
    """Make a ticket in the first stage. Nothing of the contact is filled in."""
    for name in values:
        model.field(name)
    for name, title in REQUIRED.items():
        if not values.get(name):
            raise user_error(f"The operation cannot be completed: a mandatory field is not set: {title} ({name})")
    tickets, now = store.rows[model.name], instant(datetime.now(UTC))
    id_ = max(tickets) + 1
    stage = min(store.rows["helpdesk.ticket.stage"].values(), key=lambda row: (row["sequence"], row["id"]))
    partner = store.rows["res.partner"].get(values.get("partner_id") or 0)
    row: Row = {"id": id_, "number": f"HT{id_:05d}", "active": True, "company_id": 1, "priority": "1", **values}
    row |= {"access_url": f"/my/ticket/{id_}", "stage_id": stage["id"], "closed": stage["closed"]}
    row |= {"commercial_partner_id": partner["commercial_partner_id"] if partner else None}
    row |= {"create_date": now, "write_date": now, "last_stage_update": now, "message_ids": [], "attachment_ids": []}
    tickets[id_] = row
    return id_


def _keep_file(store: Store, model: Model, values: Row) -> int:
    for name in values:
        model.field(name)
    id_, content = FIRST_FILE + len(store.rows[model.name]), b64decode(values["datas"], validate=True)
    row: Row = {**values, "id": id_, "type": "binary", "datas": content, "file_size": len(content)}
    row["checksum"] = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    store.rows[model.name][id_] = row | {"write_date": instant(datetime.now(UTC))}
    return id_


def _stage(store: Store, id_: int) -> Row:
    if id_ not in store.rows["helpdesk.ticket.stage"]:
        raise missing_error("helpdesk.ticket.stage", id_)
    return store.rows["helpdesk.ticket.stage"][id_]
