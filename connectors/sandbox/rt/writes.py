"""The addresses that make or change something: tickets, what is said on them, and their status."""

import json
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.rt.changes import CALLER, comment, reply, set_status
from connectors.sandbox.rt.errors import RtError, bad_request, not_found
from connectors.sandbox.rt.seed import add_ticket
from connectors.sandbox.rt.store import Row, Store
from connectors.sandbox.rt.writer import Writer

TICKET = frozenset({"Queue", "Subject", "Requestor", "Content", "ContentType", "RefersTo", "Attachments"})
MESSAGE = frozenset({"Subject", "Content", "ContentType", "Attachments"})


def make_ticket(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    """Make a ticket. Requestors are numbers of users, or names: RT would make users of addresses that it does not know.

    https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html#Tickets
    """
    fields = _fields(request, TICKET)
    queue = next((row for row in store.queues.values() if row["Name"] == fields.get("Queue")), None)
    if queue is None:
        raise RtError(403, f"No permission to create tickets in the queue '{fields.get('Queue')}'")
    asked = fields.get("Requestor", [])
    users = [store.user(str(name)) for name in (asked if isinstance(asked, list) else [asked])]
    if None in users:
        raise bad_request("Unknown requestor")
    now = datetime.now(UTC).replace(microsecond=0)
    row: Row = {
        "id": max(store.tickets) + 1,
        "Queue": queue["id"],
        "Owner": "Nobody",
        "Subject": _header(fields.get("Subject", "")),
        "Status": "new",
        "Requestor": [user["Name"] for user in users if user],
        "RefersTo": [fields["RefersTo"]] if "RefersTo" in fields else [],
        "history": [{"Type": "Create", "by": CALLER, "at": now, "text": _text(fields), "files": _files(fields)}],
    }
    add_ticket(store, row, first=max(store.transactions) + 1)
    return as_json(writer.reference("ticket", row["id"]), 201)


def correspond(store: Store, _writer: Writer, request: Request, id_: str) -> Response:
    fields, row = _fields(request, MESSAGE), _found(store, id_)
    now, subject = datetime.now(UTC), _header(fields.get("Subject", ""))
    reply(store, row["id"], _text(fields), now, by=CALLER, subject=subject, files=_files(fields))
    if store.is_new(row) or not store.is_active(row):
        set_status(store, row["id"], "open", now)  # by a scrip that RT comes with
    return as_json(["Correspondence added"], 201)


def internal(store: Store, _writer: Writer, request: Request, id_: str) -> Response:
    comment(store, _found(store, id_)["id"], _text(_fields(request, MESSAGE)), datetime.now(UTC))
    return as_json(["Comments added"], 201)


def change(store: Store, _writer: Writer, request: Request, id_: str) -> Response:
    """Change the status. RT answers 200 even where it does not."""
    row, status = _found(store, id_), str(_fields(request, frozenset({"Status"})).get("Status"))
    if status not in store.statuses_of(row):
        return as_json([f"Ticket {row['id']}: Status '{status}' isn't a valid status for this ticket."])
    old = row["Status"]
    if old != status:
        set_status(store, row["id"], status, datetime.now(UTC), by=CALLER)
    return as_json([f"Ticket {row['id']}: Status changed from '{old}' to '{status}'"])


def _found(store: Store, id_: str) -> Row:
    row = store.tickets.get(int(id_))
    if row is None:
        raise not_found()
    return store.tickets[row["EffectiveId"]]


def _fields(request: Request, known: frozenset[str]) -> dict[str, Any]:
    try:
        fields = json.loads(request.body)
    except ValueError as error:
        raise bad_request(f"JSON parse error: {error}") from None
    if not isinstance(fields, dict):
        raise bad_request("JSON object must be a HASH")
    if unknown := sorted(fields.keys() - known):
        raise bad_request(f"Unknown field: {unknown[0]}")
    return fields


def _text(fields: dict[str, Any]) -> str:
    if fields.get("ContentType") != "text/plain":
        raise bad_request("ContentType is a required field for application/json")
    return str(fields.get("Content", ""))


def _files(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Read attachments. RT looks at each of them before it makes anything."""
    files = fields.get("Attachments", [])
    if not isinstance(files, list):
        raise bad_request("Attachments must be an array")
    for file in files:
        if missing := sorted({"FileName", "FileType", "FileContent"} - file.keys()):
            raise bad_request(f"{missing[0]} is a required field for each attachment in Attachments")
    return [{"name": file["FileName"], "type": file["FileType"], "base64": file["FileContent"]} for file in files]


def _header(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
