"""The addresses that make or change something: tickets, what is said on them, and their status."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartParser,
    parse_options_header,
)

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.rt.changes import CALLER, comment, reply, set_status
from connectors.sandbox.rt.errors import RtError, bad_request, not_found
from connectors.sandbox.rt.seed import add_ticket
from connectors.sandbox.rt.store import Row, Store
from connectors.sandbox.rt.writer import Writer

TICKET = frozenset({"Queue", "Subject", "Requestor", "Content", "ContentType", "RefersTo"})
USER = frozenset({"RealName", "WorkPhone", "MobilePhone", "Address1", "Zip", "City"})
MESSAGE = frozenset({"Subject", "Content", "ContentType"})


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
        "history": [{"Type": "Create", "by": CALLER, "at": now, "text": _text(fields), "files": fields["files"]}],
    }
    add_ticket(store, row, first=max(store.transactions) + 1)
    return as_json(writer.reference("ticket", row["id"]), 201)


def correspond(store: Store, _writer: Writer, request: Request, id_: str) -> Response:
    fields, row = _fields(request, MESSAGE), _found(store, id_)
    now, subject = datetime.now(UTC), _header(fields.get("Subject", ""))
    reply(store, row["id"], _text(fields), now, by=CALLER, subject=subject, files=fields["files"])
    if store.is_new(row) or not store.is_active(row):
        set_status(store, row["id"], "open", now)  # by a scrip that RT comes with
    return as_json(["Correspondence added"], 201)


def internal(store: Store, _writer: Writer, request: Request, id_: str) -> Response:
    fields = _fields(request, MESSAGE)
    subject = _header(fields.get("Subject", ""))
    comment(store, _found(store, id_)["id"], _text(fields), datetime.now(UTC), by=CALLER, subject=subject)
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


def change_user(store: Store, _writer: Writer, request: Request, name: str) -> Response:
    """Change what is known of a user. RT answers with a sentence for each."""
    row = store.user(name)
    if row is None:
        raise not_found()
    fields = _fields(request, USER)
    said = [f"{column} changed from '{row.get(column, '')}' to '{value}'" for column, value in fields.items()]
    row |= {column: _header(str(value)) for column, value in fields.items()}
    return as_json([f"User {row['Name']}: {each}" for each in said])


def _found(store: Store, id_: str) -> Row:
    row = store.tickets.get(int(id_))
    if row is None:
        raise not_found()
    return store.tickets[row["EffectiveId"]]


def _fields(request: Request, known: frozenset[str]) -> dict[str, Any]:
    """Read JSON, or a form with a field of it and with files."""
    body, files = request.body, list[Row]()
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    if media_type == "multipart/form-data":
        parts = list(MultipartParser(BytesIO(body), options["boundary"]))
        body = next((part.raw for part in parts if part.name == "JSON"), b"")
        files = [_file(part) for part in parts if part.name == "Attachments"]
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise bad_request(f"JSON parse error: {error}") from None
    if not isinstance(fields, dict):
        raise bad_request("JSON object must be a HASH")
    if unknown := sorted(fields.keys() - known):
        raise bad_request(f"Unknown field: {unknown[0]}")
    return fields | {"files": files}


def _file(part: Any) -> Row:  # noqa: ANN401  # the library has no types
    """Give a file as events have it. RT wants each of them to have a name, a type and content."""
    if not (part.filename and part.content_type and part.raw):
        raise bad_request("FileContent is a required field for each attachment in Attachments")
    return {"name": part.filename, "type": part.content_type, "base64": b64encode(part.raw)}


def _text(fields: dict[str, Any]) -> str:
    if fields.get("ContentType") != "text/plain":
        raise bad_request("ContentType is a required field for application/json")
    return str(fields.get("Content", ""))


def _header(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
