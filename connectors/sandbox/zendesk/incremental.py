"""The incremental export of tickets, by cursor: whatever Zendesk has written of them since, the oldest first.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/. What was written within
the last minute is left out of it, so that no cursor passes what is still on its way.
"""

import base64
import binascii
import re
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.errors import ZendeskError, bad_request, forbidden, too_often
from connectors.sandbox.zendesk.paging import params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer

MOST = 1000  # tickets of a page
MINUTE = 60.0  # seconds, in which it may be asked `Store.exports_a_minute` times
NEWEST = timedelta(minutes=1)  # the age of the latest instant that an export may begin at

_CURSOR = re.compile(r"([0-9]+)\.0\|\|([0-9]+)\|")


def tickets(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    """Export a page. Deleted tickets are among them, and those that a job of Zendesk's has touched."""
    params = params_of(request, {"start_time", "cursor", "per_page"})
    if store.caller["role"] != "admin":
        raise forbidden()
    _count(store)
    if ("start_time" in params) == ("cursor" in params):
        raise bad_request("InvalidParameter", "One of start_time and cursor is needed")
    size = params.get("per_page", str(MOST))
    if not size.isdecimal() or not 1 <= int(size) <= MOST:
        raise bad_request("InvalidParameter", "per_page is invalid")
    place = _decoded(params["cursor"]) if "cursor" in params else (_since(params["start_time"]), 0)
    settled = int((datetime.now(UTC) - store.exported_after).timestamp())
    rows = sorted((row for row in store.tickets.values() if place < _place(row) <= (settled, MOST**9)), key=_place)
    shown, more = rows[: int(size)], len(rows) > int(size)
    cursor = _encoded(_place(shown[-1])) if shown else params.get("cursor")
    address = f"{request.base}{request.path}?{urlencode({'cursor': cursor, 'per_page': size})}" if cursor else None
    return as_json(
        {
            "tickets": [writer.ticket(row) for row in shown],
            "after_url": address,
            "after_cursor": cursor,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": not more,
        }
    )


def _count(store: Store) -> None:
    now = time.monotonic()
    store.exports[:] = [at for at in store.exports if at > now - MINUTE]
    if len(store.exports) >= store.exports_a_minute:
        raise too_often(int(store.exports[0] + MINUTE - now) + 1)
    store.exports.append(now)


def _since(text: str) -> int:
    if not text.isdecimal():
        raise bad_request("InvalidParameter", "start_time is invalid")
    if int(text) > (datetime.now(UTC) - NEWEST).timestamp():
        raise ZendeskError(
            422, {"error": "InvalidValue", "description": "Too recent start_time. Use one of 60 seconds ago or more"}
        )
    return int(text)


def _place(row: Row) -> tuple[int, int]:
    return row["generated_timestamp"], row["id"]


def _encoded(place: tuple[int, int]) -> str:
    return base64.b64encode(b"%d.0||%d|" % place).decode()


def _decoded(cursor: str) -> tuple[int, int]:
    try:
        match = _CURSOR.fullmatch(base64.b64decode(cursor, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        match = None
    if match is None:
        raise bad_request("InvalidParameter", "cursor is invalid")
    return int(match[1]), int(match[2])
