"""The addresses of webhooks, for admins alone: list, make, change, and the secret that one is signed with.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
"""

import base64
import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.errors import bad_request, forbidden, not_found
from connectors.sandbox.zendesk.paging import BY_CURSOR, by_cursor, params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer, as_instant

NEEDED = {"name", "status", "endpoint", "http_method", "request_format"}
FIELDS = NEEDED | {"subscriptions", "authentication", "custom_headers", "description"}
EVENT = re.compile(r"zen:event-type:(ticket|user|organization)\.[a-z_]+")


def webhooks(store: Store, _: Writer, request: Request, _id: str) -> Response:
    _check_admin(store)
    if request.method == "POST":
        params_of(request)
        fields = _fields(request)
        if missing := sorted(NEEDED - fields.keys()):
            raise bad_request("InvalidWebhook", f"{missing[0]} is missing")
        return as_json({"webhook": _written(_made(store, fields))}, 201)
    params = params_of(request, BY_CURSOR)
    rows = list(store.webhooks.values())
    return as_json(by_cursor(request, rows, "webhooks", _written, params=params, sort="id"))


def signing_secret(store: Store, _: Writer, request: Request, key: str) -> Response:
    _check_admin(store)
    params_of(request)
    row = next((row for row in store.webhooks.values() if _id_of(row) == key), None)
    if row is None:
        raise not_found()
    return as_json({"signing_secret": {"algorithm": "SHA256", "secret": row["secret"]}})


def _check_admin(store: Store) -> None:
    if store.caller["role"] != "admin":
        raise forbidden()


def _fields(request: Request) -> dict[str, Any]:
    try:
        fields = json.loads(request.body)["webhook"]
    except (ValueError, TypeError, KeyError):
        raise bad_request("InvalidWebhook", "webhook is missing") from None
    if unknown := sorted(fields.keys() - FIELDS):
        raise bad_request("InvalidWebhook", f"Unknown property of a webhook: {unknown[0]}")
    subscriptions = fields.get("subscriptions", [])
    if any(name != "conditional_ticket_events" and not EVENT.fullmatch(name) for name in subscriptions):
        raise bad_request("InvalidWebhook", "subscriptions is invalid")
    if subscriptions and (fields.get("http_method"), fields.get("request_format")) != ("POST", "json"):
        raise bad_request("InvalidWebhook", "events are sent by POST, as JSON")
    return dict(fields)


def _made(store: Store, fields: dict[str, Any]) -> Row:
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    row: Row = fields | {"id": max(store.webhooks, default=0) + 1, "created_at": datetime.now(UTC), "secret": secret}
    store.webhooks[row["id"]] = row
    return row


def _id_of(row: Row) -> str:
    return f"01JD{row['id']:022d}"


def _written(row: Row) -> Row:
    shown = {name: value for name, value in row.items() if name not in {"id", "secret", "created_at"}}
    return {"id": _id_of(row), "created_at": as_instant(row["created_at"]), **shown}
