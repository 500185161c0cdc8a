"""How RT keeps a message: the tree of a MIME mail, one attachment for each part."""

import base64
from collections.abc import Iterator
from typing import Any

from connectors.sandbox.pdf import one_page
from connectors.sandbox.rt.store import Row


def parts(first: int, event: dict[str, Any]) -> Iterator[Row]:
    """Write an event's text, HTML and files as attachments. A lone body has no container around it."""
    bodies = [
        (f"text/{kind}", event[key].encode()) for kind, key in (("plain", "text"), ("html", "html")) if key in event
    ]
    files = event.get("files", [])
    subject = {"Subject": event.get("subject", "")}
    number, parent = first, 0
    if files or len(bodies) > 1:
        number += 1
        parent = number
        yield _part(number, 0, "multipart/mixed" if files else "multipart/alternative", None) | subject
    for media_type, content in bodies:
        number += 1
        yield _part(number, parent, media_type, content) | ({} if parent else subject)
    for file in files:
        number += 1
        yield _part(number, parent, file["type"], _content(file)) | {"Filename": file["name"]}


def _content(file: dict[str, Any]) -> bytes:
    if "pdf" in file:
        return one_page(file["pdf"])
    return base64.b64decode(file["base64"]) if "base64" in file else str(file["text"]).encode()


def _part(number: int, parent: int, media_type: str, content: bytes | None) -> Row:
    return {
        "id": number,
        "Parent": parent,
        "ContentType": media_type,
        "Content": content,
        "ContentLength": str(len(content or b"")),
        "Subject": "",
        "MessageId": "",
        "Headers": f"Content-Type: {media_type}",
    }
