"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.console import appearance, customers, pages, requests, settings, sources, staff, today, why

MODULES = (today, customers, requests, sources, pages, why, settings, staff, appearance)

CONSOLE = Router(
    path="/",
    route_handlers=[route for module in MODULES for route in module.ROUTES],
    include_in_schema=False,
)
