"""From the seed's file to the rows of an account."""

import base64
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.sandbox.dates import resolve
from connectors.sandbox.pdf import one_page
from connectors.sandbox.zendesk.changes import add_comment, create_ticket, join
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.uploads import as_file

OURS = {"by", "at", "files", "times", "type"}  # what the seed says of a comment, and the API not or in other words


def load_zendesk(folder: Path, now: datetime) -> Store:
    now = now.replace(microsecond=0)
    spec = resolve(json.loads((folder / "zendesk.json").read_bytes()), now)
    assert isinstance(spec, dict)  # noqa: S101  # the seed is ours
    seed: dict[str, Any] = spec
    store = Store(seed["email"], seed["token"], now, {}, {}, {}, {}, {}, {}, {})
    since = {"created_at": now - timedelta(days=900), "updated_at": now - timedelta(days=90)}
    for row in seed["organizations"]:
        plain: Row = {
            "external_id": None,
            "domain_names": [],
            "shared_tickets": False,
            "shared_comments": False,
            "notes": "",
        }
        store.organizations[row["id"]] = plain | row | since
    for row in seed["users"]:
        _add_user(store, row, since)
    store.articles = {row["id"]: row for row in seed["articles"]}
    archived = [ticket for facts in seed["archive"] for ticket in _archive(facts, now)]
    for ticket in sorted([*archived, *seed["tickets"]], key=lambda ticket: int(ticket["id"])):
        _add_ticket(store, ticket)
    return store


def _add_user(store: Store, user: Row, since: Row) -> None:
    plain = {
        "role": "end-user",
        "organization_id": None,
        "external_id": None,
        "alias": None,
        "notes": "",
        "active": True,
    }
    row = plain | {name: value for name, value in user.items() if name != "identities"} | since
    own = {"type": "email", "value": user["email"], "verified": user.get("verified", True), "primary": True}
    store.users[row["id"]] = row | {"verified": own["verified"], "suspended": False, "tags": [], "user_fields": {}}
    for identity in [own, *user.get("identities", [])]:
        id_ = len(store.identities) + 7001
        store.identities[id_] = {"id": id_, "user_id": row["id"], "primary": False} | identity | since
    if row["organization_id"]:
        join(store, row["id"], row["organization_id"], since["created_at"])


def _archive(facts: dict[str, Any], now: datetime) -> Iterable[dict[str, Any]]:
    """Years of requests that were answered the same day."""
    for place in range(facts["count"]):
        at = now - timedelta(days=60 + (facts["count"] - place) * facts["every_days"])
        asked = {"by": facts["requester_id"], "at": at, "body": "Please help."}
        answered = {"by": facts["by"], "at": at + timedelta(hours=2), "body": "Done."}
        yield {
            "id": facts["first_id"] + place,
            "subject": facts["subjects"][place % len(facts["subjects"])],
            "status": "closed",
            "requester_id": facts["requester_id"],
            "comments": [asked, answered],
        }


def _add_ticket(store: Store, ticket: dict[str, Any]) -> None:
    first, *later = [event for entry in ticket["comments"] for event in _repeated(entry)]
    fields = {"requester_id": ticket["requester_id"], "comment": _as_asked(first)}
    row = create_ticket(store, fields, first["at"], ticket["id"])
    for entry in later:
        add_comment(store, row, _as_asked(entry), entry["at"])
    for comment, entry in zip(store.comments_on(row["id"]), [first, *later], strict=True):
        comment["type"] = entry.get("type", "Comment")
        for file in entry.get("files", []):
            _add_file(store, comment, file)
    row |= {"updated_at": [first, *later][-1]["at"]}
    row |= {name: value for name, value in ticket.items() if name != "comments"}
    row["generated_timestamp"] = int(row["updated_at"].timestamp())


def _as_asked(entry: dict[str, Any]) -> dict[str, Any]:
    return {"author_id": entry["by"]} | {name: value for name, value in entry.items() if name not in OURS}


def _repeated(entry: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """`times` writes an entry several times, an hour apart."""
    for place in range(entry.get("times", 1)):
        yield entry | {"at": entry["at"] + timedelta(hours=place)}


def _add_file(store: Store, comment: Row, file: dict[str, Any]) -> None:
    id_ = comment["id"] * 10 + len(store.files_of(comment["id"]))
    store.attachments[id_] = as_file(id_, comment["id"], file | {"content": _content(file)})


def _content(file: dict[str, Any]) -> bytes:
    if "pdf" in file:
        return one_page(file["pdf"])
    return base64.b64decode(file["base64"]) if "base64" in file else str(file["text"]).encode()
