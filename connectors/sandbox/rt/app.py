"""One Request Tracker as an ASGI app."""

import re
from collections.abc import Callable

from connectors.sandbox.asgi import App, Request, Response, as_json
from connectors.sandbox.faults import Switch
from connectors.sandbox.rt import lists, records, writes
from connectors.sandbox.rt.errors import RtError, not_found
from connectors.sandbox.rt.store import Store
from connectors.sandbox.rt.writer import Writer

ROOT = "/REST/2.0"
Handler = Callable[[Store, Writer, Request, str], Response]


def rt_app(store: Store, switch: Switch) -> App:
    def answer(request: Request) -> Response:
        try:
            return _answer(store, request)
        except RtError as error:
            return as_json({"message": error.message}, error.status)

    return switch.guard(answer)


def _answer(store: Store, request: Request) -> Response:
    if not request.path.startswith(ROOT):
        raise not_found()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "token" or token != store.token:
        raise RtError(401, "Unauthorized")
    path = request.path.removeprefix(ROOT).rstrip("/")
    allowed = set[str]()
    for pattern, methods, handler in ROUTES:
        if match := re.fullmatch(pattern, path):
            allowed.update(methods)
            if request.method not in methods:
                continue
            return handler(store, Writer(store, request.base + ROOT), request, "".join(match.groups()))
    raise RtError(405, "Method Not Allowed") if allowed else not_found()


ROUTES: list[tuple[str, tuple[str, ...], Handler]] = [
    (r"/rt", ("GET",), records.about),
    (r"/tickets", ("GET", "POST"), lists.tickets),
    (r"/transactions", ("GET",), lists.transactions),
    (r"/users", ("GET", "POST"), lists.users),
    (r"/attachments", ("GET", "POST"), lists.attachments),
    (r"/queues(?:/all)?", ("GET",), lists.queues),
    (r"/ticket/(\d+)/history", ("GET",), lists.history),
    (r"/ticket/(\d+)/attachments", ("GET",), lists.ticket_files),
    (r"/transaction/(\d+)/attachments", ("GET",), lists.transaction_files),
    (r"/ticket", ("POST",), writes.make_ticket),
    (r"/ticket/(\d+)/correspond", ("POST",), writes.correspond),
    (r"/ticket/(\d+)/comment", ("POST",), writes.internal),
    (r"/ticket/(\d+)", ("GET",), records.ticket),
    (r"/ticket/(\d+)", ("PUT",), writes.change),
    (r"/queue/([^/]+)", ("GET",), records.queue),
    (r"/user/([^/]+)", ("GET",), records.user),
    (r"/user/([^/]+)", ("PUT",), writes.change_user),
    (r"/transaction/(\d+)", ("GET",), records.transaction),
    (r"/attachment/(\d+)", ("GET",), records.attachment),
]
