"""`/control`: the page, the forms on it, and the faults. For this machine only.

A page from elsewhere may send a form to any address its reader can reach, and may have its own name lead here: who
asks has to call this machine by its own name, and a form has to come from this very page.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from connectors.sandbox.asgi import App, Request, Response, asgi
from connectors.sandbox.control.kinds import System
from connectors.sandbox.control.page import anchor, control_page, refusal
from connectors.sandbox.faults import Switch, control_fault

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def control_app(switches: Mapping[str, Switch], systems: Mapping[str, System]) -> App:
    async def answer(request: Request) -> Response:
        if _is_foreign(request):
            return refusal(403, "Only this machine may look and change")
        if request.method == "GET" and request.path in {"", "/"}:
            return control_page(systems, request.base)
        if request.method == "POST":
            return _change(systems, request)
        return control_fault(switches, request)

    return asgi(answer)


def _is_foreign(request: Request) -> bool:
    here = request.base.removesuffix("/control")
    return urlsplit(here).hostname not in LOOPBACK or request.headers.get("origin", here) != here


def _change(systems: Mapping[str, System], request: Request) -> Response:
    """Set the choices of a record that the form names, all or none of them."""
    path, _, key = request.path.strip("/").rpartition("/")
    system, _, name = path.partition("/")
    kind = systems[system].kinds.get(name) if system in systems else None
    items = {str(item.id): item for item in kind.items()} if kind else {}
    if kind is None or key not in items:
        return refusal(404, "No such record")
    item, given = items[key], parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    options = {choice.name: choice.options for choice in item.choices}
    if sorted(name for name, _ in given) != sorted(options) or not given:
        return refusal(400, "This record has other states")
    if any(value not in options[name] for name, value in given):
        return refusal(400, "No such state")
    kind.change(item.id, dict(given), datetime.now(UTC))
    return Response(303, b"", (("location", f"{request.base}/#{anchor(path, item.id)}"),))
