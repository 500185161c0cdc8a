"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.console import customers, deliveries, mails, outgoing, pages, requests, sources, today, why
from web.console.finding import FINDING

MODULES = (today, customers, requests, sources, pages, why, deliveries, outgoing, mails)

CONSOLE = Router(
    path="/",
    route_handlers=[route for module in MODULES for route in module.ROUTES],
    include_in_schema=False,
    dependencies=FINDING,
)
