"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.console import customers, pages, requests, source_acts, source_webhooks, sources, today, why

MODULES = (today, customers, requests, sources, source_acts, source_webhooks, pages, why)

CONSOLE = Router(
    path="/",
    route_handlers=[route for module in MODULES for route in module.ROUTES],
    include_in_schema=False,
)
