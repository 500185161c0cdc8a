"""The addresses that answer with lists."""

from msgspec.structs import replace

from connectors.sandbox.asgi import Request, Response
from connectors.sandbox.rt import ticketsql, transactionsql
from connectors.sandbox.rt.errors import RtError, bad_request
from connectors.sandbox.rt.jsonsearch import search
from connectors.sandbox.rt.listing import LIST_PARAMS, listing, params_of
from connectors.sandbox.rt.store import Row, Store
from connectors.sandbox.rt.writer import Writer, ok

QUERY = frozenset({"query"})


def tickets(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    if request.method == "POST":  # a form in the body is as good as a query string
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise bad_request("Unknown content type")
        request = replace(request, query=request.body.decode())
    params = params_of(request, "ticket", LIST_PARAMS | QUERY)
    test = ticketsql.compile_query(store, params.get("query", ""))
    return ok(listing(writer, request, params, "ticket", [row for row in store.tickets.values() if test(row)]))


def transactions(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    params = params_of(request, "transaction", LIST_PARAMS | QUERY)
    test = transactionsql.compile_query(store, params.get("query", ""))
    return ok(
        listing(writer, request, params, "transaction", [row for row in store.transactions.values() if test(row)])
    )


def users(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    """Find users. RT leaves disabled ones out of every search, unless it is asked in a way that is not served here."""
    return _searched(writer, request, "user", [row for row in store.users.values() if row["Disabled"] == "0"])


def attachments(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    return _searched(writer, request, "attachment", list(store.attachments.values()))


def _searched(writer: Writer, request: Request, kind: str, rows: list[Row]) -> Response:
    params = params_of(request, kind, LIST_PARAMS | QUERY)
    query = request.body if request.method == "POST" else params.get("query", "")
    return ok(listing(writer, request, params, kind, search(kind, rows, query)))


def queues(store: Store, writer: Writer, request: Request, _id: str) -> Response:
    params = params_of(request, "queue", LIST_PARAMS)
    return ok(listing(writer, request, params, "queue", list(store.queues.values())))


def history(store: Store, writer: Writer, request: Request, ticket: str) -> Response:
    """The history of a ticket that does not exist is an empty list."""
    params = params_of(request, "transaction", LIST_PARAMS)
    return ok(listing(writer, request, params, "transaction", store.history(int(ticket))))


def ticket_files(store: Store, writer: Writer, request: Request, ticket: str) -> Response:
    """Every attachment, those of internal comments and of copies of sent mail among them."""
    ids = {row["id"] for row in store.history(int(ticket))}
    params = params_of(request, "attachment", LIST_PARAMS)
    return ok(listing(writer, request, params, "attachment", store.files(ids)))


def transaction_files(store: Store, writer: Writer, request: Request, transaction: str) -> Response:
    if int(transaction) not in store.transactions:
        raise RtError(500, "Internal Server Error")  # as a real one does
    params = params_of(request, "attachment", LIST_PARAMS)
    return ok(listing(writer, request, params, "attachment", store.files({int(transaction)})))
