"""How tickets come about and change: by a call of the API, by the seed, or by whoever plays staff."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from connectors.sandbox.zendesk.errors import bad_request, invalid, not_found
from connectors.sandbox.zendesk.store import STATUSES, Row, Store
from connectors.sandbox.zendesk.uploads import attach
from connectors.sandbox.zendesk.writer import as_html, as_text

FIELDS = {"subject", "comment", "requester_id", "status", "priority", "type", "external_id", "tags", "organization_id"}
FIELDS |= {"metadata"}  # of what is written now, not of the ticket
COMMENT_FIELDS = {"body", "html_body", "public", "author_id", "uploads"}


def create_ticket(store: Store, fields: dict[str, Any], now: datetime, key: int | None = None) -> Row:
    """Make a ticket of the fields that the API documents. Whoever asks is the requester, unless one is named.

    `key` None: the next id.
    """
    _check(store, fields)
    if "comment" not in fields:
        raise invalid("comment", "Description: cannot be blank")
    requester = store.users[fields["requester_id"]] if "requester_id" in fields else store.caller
    row: Row = {
        "id": key or max(store.tickets, default=0) + 1,
        "external_id": None,
        "via": {"channel": "api"},
        "created_at": now,
        "updated_at": now,
        "generated_timestamp": int(now.timestamp()),
        "type": None,
        "subject": None,
        "priority": None,
        "status": "new",
        "requester_id": requester["id"],
        "submitter_id": requester["id"],
        "assignee_id": None,
        "organization_id": requester["organization_id"],
        "group_id": None,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "tags": [],
        "custom_fields": [],
        "has_incidents": False,
    }
    row |= _own(fields)
    store.tickets[row["id"]] = row
    _note(store, row, fields, now)
    add_comment(store, row, {"author_id": requester["id"]} | fields["comment"], now)
    return row


def update_ticket(store: Store, key: int, fields: dict[str, Any], now: datetime) -> Row:
    row = store.tickets.get(key)
    if row is None or row["status"] == "deleted":
        raise not_found()
    if row["status"] == "closed":
        raise invalid("status", "Status: closed prevents ticket update")
    _check(store, fields)
    row |= _own(fields) | {"updated_at": now}
    _note(store, row, fields, now)
    touch_ticket(store, key, now)
    if "comment" in fields:
        add_comment(store, row, {"author_id": store.caller["id"]} | fields["comment"], now)
    return row


def add_tags(store: Store, key: int, tags: Iterable[str], now: datetime) -> None:
    before = store.tickets[key]["tags"]
    update_ticket(store, key, {"tags": [*before, *(tag for tag in tags if tag not in before)]}, now)


def remove_tags(store: Store, key: int, tags: Collection[str], now: datetime) -> None:
    before = store.tickets[key]["tags"]
    update_ticket(store, key, {"tags": [tag for tag in before if tag not in tags]}, now)


def touch_ticket(store: Store, key: int, now: datetime) -> None:
    """Write a ticket, as a job of Zendesk's own does: it is exported again, and its date of change stays."""
    store.tickets[key]["generated_timestamp"] = int(now.timestamp())


def delete_ticket(store: Store, key: int, now: datetime) -> None:
    """Move a ticket to where the API no longer shows it, but for the export."""
    update_ticket(store, key, {}, now)["status"] = "deleted"


def erase_ticket(store: Store, key: int, now: datetime) -> None:
    """Delete for good what was deleted: nothing but the id is left."""
    row = store.tickets[key]
    row |= {"subject": "SCRUBBED", "requester_id": None, "organization_id": None, "created_at": None, "tags": []}
    row |= {"updated_at": now, "custom_fields": []}
    touch_ticket(store, key, now)


def make_private(store: Store, comment: int, now: datetime) -> None:
    """Turn a public comment into an internal one. There is no way back."""
    row = store.comments[comment]
    row["public"] = False
    store.tickets[row["ticket_id"]]["updated_at"] = now
    touch_ticket(store, row["ticket_id"], now)


def add_comment(store: Store, ticket: Row, comment: dict[str, Any], now: datetime) -> Row:
    if unknown := sorted(comment.keys() - COMMENT_FIELDS):
        raise bad_request("InvalidParameter", f"Unknown property of a comment: {unknown[0]}")
    html = comment.get("html_body") or as_html(comment.get("body", ""))
    row: Row = {
        "id": max(store.comments, default=2**53) + 1,  # ids of Zendesk's exceed what JavaScript counts
        "ticket_id": ticket["id"],
        "type": "Comment",
        "author_id": comment["author_id"],
        "public": comment.get("public", True),
        "created_at": now,
        "text": comment.get("body") or as_text(html),
        "html": html,
        "via": {"channel": "api"},
        "metadata": {"system": {}, "custom": {}},
    }
    store.comments[row["id"]] = row
    attach(store, row["id"], comment.get("uploads", []))
    return row


def join(store: Store, user: int, organization: int, now: datetime) -> None:
    """Make a user a member of an organization. The first of theirs is the one that their tickets are for."""
    store.users[user]["organization_id"] = store.users[user]["organization_id"] or organization
    id_ = max(store.memberships, default=4000) + 1
    store.memberships[id_] = {
        "id": id_,
        "user_id": user,
        "organization_id": organization,
        "default": store.users[user]["organization_id"] == organization or None,
        "view_tickets": True,
        "created_at": now,
        "updated_at": now,
    }


def leave(store: Store, user: int, organization: int) -> None:
    """Take a user out of an organization. Tickets stay where they are."""
    theirs = {id_: row for id_, row in store.memberships.items() if row["user_id"] == user}
    for id_, row in theirs.items():
        if row["organization_id"] == organization:
            del store.memberships[id_]
    left = [row for row in theirs.values() if row["organization_id"] != organization]
    store.users[user]["organization_id"] = left[0]["organization_id"] if left else None
    for row in left[:1]:
        row["default"] = True


def _own(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("comment", "metadata")}


def _note(store: Store, row: Row, fields: dict[str, Any], now: datetime) -> None:
    """Write an audit, which keeps what the caller wants to be kept."""
    id_ = max(store.audits, default=2**53) + 1
    kept = {"system": {}, "custom": fields.get("metadata", {}).get("custom", {})}
    store.audits[id_] = {
        "id": id_,
        "ticket_id": row["id"],
        "created_at": now,
        "author_id": store.caller["id"],
        "metadata": kept,
        "events": [],
        "via": {"channel": "api"},
    }


def _check(store: Store, fields: dict[str, Any]) -> None:
    if unknown := sorted(fields.keys() - FIELDS):
        raise bad_request("InvalidParameter", f"Unknown property of a ticket: {unknown[0]}")
    if fields.get("status", "open") not in STATUSES:
        raise invalid("status", f"Status: {fields['status']} is not a valid status")
    comment = fields.get("comment", {"body": "-"})
    if not isinstance(comment, dict) or not (comment.get("body") or comment.get("html_body")):
        raise invalid("comment", "Description: cannot be blank")
    _check_organization(store, fields)
    if any(token not in store.uploads for token in comment.get("uploads", [])):
        raise invalid("uploads", "Uploads: the token is invalid")
    for field, people in (("requester_id", fields), ("author_id", comment)):
        if people.get(field, store.caller["id"]) not in store.users:
            raise invalid(field, f"{field} is invalid")


def _check_organization(store: Store, fields: dict[str, Any]) -> None:
    """A ticket is for an organization of its requester's."""
    key = fields.get("organization_id")
    theirs = {
        row["organization_id"] for row in store.memberships.values() if row["user_id"] == fields.get("requester_id")
    }
    if key is not None and key not in theirs:
        raise invalid("organization_id", "Organization: is invalid")
