"""Attachments: the account names an address of a host of files, which wants to see no credentials."""

from urllib.parse import quote

from connectors.sandbox.asgi import Request, Response, as_html
from connectors.sandbox.zendesk.errors import not_found
from connectors.sandbox.zendesk.paging import params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer

HOST = "/zdusercontent"  # of the host of files; a host of its own would want a name on this machine


def attachment(store: Store, _writer: Writer, request: Request, token: str) -> Response:
    row = _found(store, token)
    if params_of(request, {"name"}).get("name") != row["file_name"] or row["deleted"]:
        raise not_found()
    address = f"{request.base}{HOST}/attachment/{row['id']}/{quote(row['file_name'], safe='')}?token={row['token']}"
    return Response(302, b"", (("location", address), ("content-type", "text/html; charset=utf-8")))


def content(store: Store, request: Request) -> Response:
    """Give a file to whoever knows its token. A caller who shows credentials has sent them to a stranger."""
    if "authorization" in request.headers:
        return as_html("403 Forbidden", 403)
    row = _found(store, dict(request.params).get("token", ""))
    return Response(200, row["content"], (("content-type", row["content_type"]),))


def _found(store: Store, token: str) -> Row:
    row = next((row for row in store.attachments.values() if row["token"] == token), None)
    if row is None:
        raise not_found()
    return row
