"""One Odoo as an ASGI app."""

from connectors.sandbox.asgi import App, Request, Response
from connectors.sandbox.faults import Switch
from connectors.sandbox.odoo.pages import answer_page
from connectors.sandbox.odoo.rpc import answer_rpc
from connectors.sandbox.odoo.store import Store


def odoo_app(store: Store, switch: Switch) -> App:
    def answer(request: Request) -> Response:
        return answer_rpc(store, request) if request.path == "/jsonrpc" else answer_page(store, request)

    return switch.guard(answer)
