"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.console import account, customers, links, pages, people, requests, sources, today, why

MODULES = (today, customers, account, links, people, requests, sources, pages, why)

CONSOLE = Router(
    path="/",
    route_handlers=[route for module in MODULES for route in module.ROUTES],
    include_in_schema=False,
)
