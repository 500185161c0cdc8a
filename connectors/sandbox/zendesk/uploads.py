"""Files before they are attachments: what is uploaded hangs on nothing, until a comment names its token."""

from hashlib import sha256
from typing import Any

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.errors import bad_request
from connectors.sandbox.zendesk.paging import params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer

LENGTH = 25  # of a token


def upload(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    """Take a file: the body is its bytes. Zendesk gives a token for it, which it knows for three days.

    https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/#upload-files
    """
    name = params_of(request, {"filename"}).get("filename")
    if not name:
        raise bad_request("ParameterMissing", "filename is needed")
    file = {"name": name, "type": request.headers.get("content-type", ""), "content": request.body}
    row = as_file(max([*store.attachments, *(row["id"] for row in store.uploads.values())]) + 1, None, file)
    token = sha256(f"upload {row['id']}".encode()).hexdigest()[:LENGTH]
    store.uploads[token] = row
    told = writer.attachment(row)
    return as_json({"upload": {"token": token, "attachment": told, "attachments": [told]}}, 201)


def attach(store: Store, comment: int, tokens: list[str]) -> None:
    """Hang on a comment what was uploaded."""
    for token in tokens:
        row = store.uploads.pop(token)
        store.attachments[row["id"]] = row | {"comment_id": comment}


def as_file(id_: int, comment: int | None, file: dict[str, Any]) -> Row:
    """Give the row of a file, which was scanned unless it says something else."""
    return {
        "id": id_,
        "comment_id": comment,
        "token": sha256(str(id_).encode()).hexdigest()[:LENGTH],
        "file_name": file["name"],
        "content_type": file["type"],
        "content": file["content"],
        "inline": file.get("inline", False),
        "deleted": False,
        "malware_access_override": False,
        "malware_scan_result": file.get("malware_scan_result", "malware_not_found"),
    }
