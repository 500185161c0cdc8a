"""The addresses of tickets and their comments."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.changes import add_tags, create_ticket, remove_tags, update_ticket
from connectors.sandbox.zendesk.errors import ZendeskError, bad_request, not_found
from connectors.sandbox.zendesk.paging import BY_CURSOR, BY_NUMBER, by_cursor, by_number, params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer

SORTS = {"id", "updated_at", "status"}


def of_organization(store: Store, writer: Writer, request: Request, key: str) -> Response:
    """List an organization's tickets, but for archived ones."""
    if int(key) not in store.organizations:
        raise not_found()
    rows = [row for row in store.undeleted() if row["organization_id"] == int(key) and not store.is_archived(row)]
    return _listed(writer, request, rows)


def of_requester(store: Store, writer: Writer, request: Request, key: str) -> Response:
    """List a requester's tickets, archived ones among them."""
    if int(key) not in store.users:
        raise not_found()
    return _listed(writer, request, [row for row in store.undeleted() if row["requester_id"] == int(key)])


def _listed(writer: Writer, request: Request, rows: list[Row]) -> Response:
    params = params_of(request, BY_CURSOR | BY_NUMBER | {"sort"})
    if "page[size]" not in params:
        params_of(request, BY_NUMBER)  # sorting has other words there
        return as_json(by_number(request, rows, "tickets", writer.ticket, params=params))
    sort = params.get("sort", "id")
    if sort.removeprefix("-") not in SORTS:
        raise bad_request("InvalidPaginationParameter", "sort is not valid")
    return as_json(by_cursor(request, rows, "tickets", writer.ticket, params=params, sort=sort))


def ticket(store: Store, writer: Writer, request: Request, key: str) -> Response:
    params_of(request)
    if request.method == "PUT":
        row = update_ticket(store, int(key), _fields(request), datetime.now(UTC))
    else:
        row = _found(store, key)
    return as_json({"ticket": writer.ticket(row)})


def tickets(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    """List tickets of an external id, or make one: with a key that was there before, of the same body, none.

    https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency. Zendesk remembers for two hours.
    """
    if request.method == "GET":
        params = params_of(request, BY_CURSOR | {"external_id"})
        wanted = params.get("external_id")
        rows = [row for row in store.undeleted() if wanted in (None, row["external_id"])]
        return as_json(by_cursor(request, rows, "tickets", writer.ticket, params=params, sort="id"))
    params_of(request)
    key = request.headers.get("idempotency-key")
    if key in store.keys:
        body, made = store.keys[key]
        if body != request.body:
            raise ZendeskError(400, {"error": "IdempotentRequestError"})
        row, lookup = store.tickets[made], "hit"
    else:
        row, lookup = create_ticket(store, _fields(request), datetime.now(UTC)), "miss"
    answer = as_json({"ticket": writer.ticket(row)}, 201)
    if key is None:
        return answer
    store.keys[key] = request.body, row["id"]
    return Response(answer.status, answer.body, (*answer.headers, ("x-idempotency-lookup", lookup)))


def tags(store: Store, _writer: Writer, request: Request, key: str) -> Response:
    """List a ticket's tags, add some, or take some away.

    https://developer.zendesk.com/api-reference/ticketing/ticket-management/tags/
    """
    params_of(request)
    row = _found(store, key)
    if request.method != "GET":
        try:
            named = [str(tag) for tag in json.loads(request.body)["tags"]]
        except (ValueError, KeyError, TypeError):
            raise bad_request("InvalidParameter", "tags are needed") from None
        tag = add_tags if request.method == "PUT" else remove_tags
        tag(store, row["id"], named, datetime.now(UTC))
    return as_json({"tags": row["tags"]})


def audits(store: Store, writer: Writer, request: Request, key: str) -> Response:
    """List what was written on a ticket."""
    params = params_of(request, BY_CURSOR)
    row = _found(store, key)
    rows = [each for each in store.audits.values() if each["ticket_id"] == row["id"]]
    return as_json(by_cursor(request, rows, "audits", writer.audit, params=params, sort="id"))


def comments(store: Store, writer: Writer, request: Request, key: str) -> Response:
    """List every comment, internal ones among them, and with `include=users` who wrote them."""
    params = params_of(request, BY_CURSOR | BY_NUMBER | {"sort", "include", "include_inline_images"})
    if params.get("include", "users") != "users":
        raise bad_request("InvalidParameter", "include accepts users")
    rows = store.comments_on(_found(store, key)["id"])
    write = partial(writer.comment, inline=params.get("include_inline_images") == "true")
    if "page[size]" in params:
        sort = params.get("sort", "created_at")
        if sort.removeprefix("-") != "created_at":
            raise bad_request("InvalidPaginationParameter", "sort is not valid")
        answer = by_cursor(request, rows, "comments", write, params=params, sort=sort)
    else:
        answer = by_number(request, rows, "comments", write, params=params)
    if "include" in params:
        ids = sorted({row["author_id"] for row in answer["comments"]} & store.users.keys())
        answer["users"] = [writer.user(store.users[id_]) for id_ in ids]
    return as_json(answer)


def _found(store: Store, key: str) -> Row:
    row = store.tickets.get(int(key))
    if row is None or row["status"] == "deleted":
        raise not_found()
    return row


def _fields(request: Request) -> dict[str, Any]:
    try:
        fields = json.loads(request.body)["ticket"]
    except (ValueError, KeyError, TypeError):
        fields = None
    if not isinstance(fields, dict):
        raise bad_request("InvalidParameter", "A ticket object is needed")
    return fields
