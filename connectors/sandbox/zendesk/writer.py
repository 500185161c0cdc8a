"""Records as Zendesk writes them in JSON."""

import re
from datetime import datetime
from html import escape, unescape
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from connectors.sandbox.zendesk.store import Row, Store


class Writer(Struct, frozen=True):
    """Writes records as JSON. `base` is the address of the account."""

    store: Store
    base: str

    def user(self, row: Row) -> Row:
        return self._record("users", row)

    def organization(self, row: Row) -> Row:
        return self._record("organizations", row)

    def identity(self, row: Row) -> Row:
        return {"url": f"{self.base}/api/v2/users/{row['user_id']}/identities/{row['id']}.json"} | _plain(row)

    def membership(self, row: Row) -> Row:
        name = self.store.organizations[row["organization_id"]]["name"]
        return self._record("organization_memberships", row) | {"organization_name": name}

    def ticket(self, row: Row) -> Row:
        """Write a ticket. Its description is the first comment, whether public or not."""
        comments = self.store.comments_on(row["id"])
        told = {
            "raw_subject": row["subject"],
            "description": comments[0]["text"] if comments else "",
            "is_public": any(comment["public"] for comment in comments),
        }
        return self._record("tickets", row) | told

    def audit(self, row: Row) -> Row:
        return _plain(row)

    def comment(self, row: Row, *, inline: bool) -> Row:
        files = [file for file in self.store.files_of(row["id"]) if inline or not file["inline"]]
        text = _plain({name: value for name, value in row.items() if name not in ("ticket_id", "text", "html")})
        bodies = {"body": row["text"], "html_body": row["html"], "plain_body": row["text"]}
        return text | bodies | {"attachments": [self.attachment(file) for file in files]}

    def attachment(self, row: Row) -> Row:
        shown = {name: value for name, value in row.items() if name not in ("comment_id", "content", "token")}
        address = f"{self.base}/attachments/token/{row['token']}/?{urlencode({'name': row['file_name']})}"
        links = {"content_url": address, "mapped_content_url": address, "size": len(row["content"]), "thumbnails": []}
        return {"url": f"{self.base}/api/v2/attachments/{row['id']}.json"} | shown | links

    def _record(self, kind: str, row: Row) -> Row:
        return {"url": f"{self.base}/api/v2/{kind}/{row['id']}.json"} | _plain(row)


def _plain(row: Row) -> Row:
    return {name: as_instant(value) if isinstance(value, datetime) else value for name, value in row.items()}


def as_instant(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_html(text: str) -> str:
    lines = "<br>".join(escape(line, quote=False) for line in text.splitlines())
    return f'<div class="zd-comment" dir="auto"><p>{lines}</p></div>'


def as_text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


def anonymous() -> dict[str, Any]:
    """Who a caller without credentials is."""
    return {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user", "verified": False}
