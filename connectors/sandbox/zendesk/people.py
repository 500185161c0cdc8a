"""The addresses of users and organizations."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.errors import bad_request, invalid, not_found
from connectors.sandbox.zendesk.paging import BY_CURSOR, BY_NUMBER, by_cursor, by_number, params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer, anonymous


def myself(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    """Tell who asks. Strangers are answered, too."""
    params_of(request)
    if "authorization" not in request.headers:
        return as_json({"user": anonymous()})
    return as_json({"user": writer.user(store.caller)})


def user(store: Store, writer: Writer, request: Request, key: str) -> Response:
    params_of(request)
    row = _found(store.users, key)
    if request.method == "PUT":
        _change(row, request)
    return as_json({"user": writer.user(row)})


def _change(row: Row, request: Request) -> None:
    """Change what a user is called, and their number."""
    fields = json.loads(request.body).get("user", {})
    if unknown := sorted(fields.keys() - {"name", "phone"}):
        raise bad_request("InvalidParameter", f"{unknown[0]} is nothing that the sandbox changes")
    if not fields.get("name", row["name"]):
        raise invalid("name", "Name: is too short (minimum is 1 character)")
    row |= {name: value or None for name, value in fields.items()} | {"updated_at": datetime.now(UTC)}


def identities(store: Store, writer: Writer, request: Request, key: str) -> Response:
    params = params_of(request, BY_CURSOR | BY_NUMBER)
    owner = _found(store.users, key)["id"]
    rows = [row for row in store.identities.values() if row["user_id"] == owner]
    if "page[size]" in params:
        return as_json(by_cursor(request, rows, "identities", writer.identity, params=params, sort="id"))
    return as_json(by_number(request, rows, "identities", writer.identity, params=params))


def memberships(store: Store, writer: Writer, request: Request, key: str) -> Response:
    """List the organizations of a user."""
    params = params_of(request, BY_CURSOR | BY_NUMBER)
    owner = _found(store.users, key)
    rows = [row for row in store.memberships.values() if row["user_id"] == owner["id"]]
    if "page[size]" in params:
        return as_json(
            by_cursor(request, rows, "organization_memberships", writer.membership, params=params, sort="id")
        )
    return as_json(by_number(request, rows, "organization_memberships", writer.membership, params=params))


def search_users(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    params = params_of(request, BY_NUMBER | {"query", "external_id"})
    if ("query" in params) == ("external_id" in params):
        raise bad_request("QueryError", "One of query and external_id is needed")
    if "external_id" in params:
        rows = _with_external_ids(store.users.values(), [params["external_id"]])
    else:
        rows = _matching(store, params["query"])
    return as_json(by_number(request, rows, "users", writer.user, params=params))


def _matching(store: Store, query: str) -> list[Row]:
    """Find users by one of their addresses, `email:"ann@a.example"`, or by a part of name or address."""
    if match := re.fullmatch(r'email:(?:"([^"]*)"|([^"\s]+))', query):
        wanted = (match[1] or match[2] or "").lower()
        return [row for row in store.users.values() if wanted in store.addresses_of(row["id"])]
    if ":" in query or '"' in query:
        raise bad_request("QueryError", f"Invalid query: {query}")
    text = query.lower()
    return [row for row in store.users.values() if text in f"{row['name']} {row['email']}".lower()]


def organizations(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    params, rows = params_of(request, BY_CURSOR | BY_NUMBER), list(store.organizations.values())
    if "page[size]" in params:
        return as_json(by_cursor(request, rows, "organizations", writer.organization, params=params, sort="id"))
    return as_json(by_number(request, rows, "organizations", writer.organization, params=params))


def organization(store: Store, writer: Writer, request: Request, key: str) -> Response:
    params_of(request)
    return as_json({"organization": writer.organization(_found(store.organizations, key))})


def several_organizations(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    params = params_of(request, {"ids", "external_ids"})
    if len(params) != 1:
        raise bad_request("InvalidParameter", "One of ids and external_ids is needed")
    rows = list(store.organizations.values())
    if "ids" in params:
        rows = [row for row in rows if str(row["id"]) in params["ids"].split(",")]
    else:
        rows = _with_external_ids(rows, params["external_ids"].split(","))
    return as_json(by_number(request, rows, "organizations", writer.organization, params={}))


def complete_organizations(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    params = params_of(request, BY_NUMBER | {"name"})
    start = params.get("name", "").lower()
    rows = [row for row in store.organizations.values() if start and row["name"].lower().startswith(start)]
    return as_json(by_number(request, rows, "organizations", writer.organization, params=params))


def _with_external_ids(rows: Iterable[Row], wanted: list[str]) -> list[Row]:
    """Find rows by external ids, which are the same whatever their case."""
    small = {each.lower() for each in wanted if each}
    return [row for row in rows if (row["external_id"] or "").lower() in small]


def _found(rows: dict[int, Row], key: str) -> Row:
    if int(key) not in rows:
        raise not_found()
    return rows[int(key)]
