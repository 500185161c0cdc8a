"""The addresses that answer with one record."""

from typing import Any

from msgspec.structs import replace

from connectors.sandbox.asgi import Request, Response
from connectors.sandbox.rt.errors import RtError, bad_request, not_found
from connectors.sandbox.rt.listing import more_of, params_of
from connectors.sandbox.rt.store import Row, Store
from connectors.sandbox.rt.writer import Writer, ok

NO_PARAMS: frozenset[str] = frozenset()


def about(_store: Store, _writer: Writer, request: Request, _id: str) -> Response:
    if request.params:
        raise bad_request("Unknown parameter")
    return ok({"Version": "5.0.3", "Plugins": []})


def ticket(store: Store, writer: Writer, request: Request, id_: str) -> Response:
    row = store.tickets.get(int(id_))
    if row is None:
        raise not_found()
    row = store.tickets[row["EffectiveId"]]
    version = max((one["id"] for one in store.history(row["id"])), default=0)
    here = f"{writer.base}/ticket/{row['id']}"
    links = [{"ref": "refers-to", "type": "external", "_url": address} for address in row["RefersTo"]]
    links += [{"ref": ref, "_url": f"{here}/{ref}"} for ref in ("history", "correspond", "comment")]
    return _record(writer, request, "ticket", row, ("etag", f'"{version}"'), links=links)


def queue(store: Store, writer: Writer, request: Request, name: str) -> Response:
    for row in store.queues.values():
        if name in {str(row["id"]), row["Name"]}:
            return _record(writer, request, "queue", row)
    raise not_found()


def user(store: Store, writer: Writer, request: Request, name: str) -> Response:
    row = store.user(name)
    if row is None:
        raise not_found()
    extra = {"Privileged": row["Privileged"], "Memberships": [], "CustomFields": []}
    return _record(writer, request, "user", row, ("etag", f'"{row["id"]}"'), extra=extra)


def transaction(store: Store, writer: Writer, request: Request, id_: str) -> Response:
    row = store.transactions.get(int(id_))
    if row is None:
        raise RtError(500, "Internal Server Error")  # as a real one does
    files = [{"ref": "attachment", "_url": f"{writer.base}/attachment/{one['id']}"} for one in store.files({row["id"]})]
    extra = {"Object": writer.reference("ticket", row["ObjectId"])}
    return _record(writer, request, "transaction", row, extra=extra, links=files)


def attachment(store: Store, writer: Writer, request: Request, id_: str) -> Response:
    row = store.attachments.get(int(id_))
    if row is None:
        raise RtError(500, "Internal Server Error")  # as a real one does
    parent = writer.reference("attachment", row["Parent"]) if row["Parent"] else "0"
    return _record(writer, request, "attachment", row, extra={"Parent": parent})


def _record(
    writer: Writer,
    request: Request,
    kind: str,
    row: Row,
    *headers: tuple[str, str],
    extra: dict[str, Any] | None = None,
    links: list[dict[str, str]] | None = None,
) -> Response:
    record = writer.whole(kind, row, more_of(kind, params_of(request, kind, NO_PARAMS))) | (extra or {})
    record["_hyperlinks"] += links or []
    response = ok(record)
    if "LastUpdated" in record:
        headers += (("last-modified", record["LastUpdated"]),)
    return replace(response, headers=response.headers + headers)
