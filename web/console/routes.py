"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.console import (
    accounts,
    appearance,
    connecting,
    customers,
    deliveries,
    helping,
    mails,
    outgoing,
    pages,
    requests,
    settings,
    source_acts,
    source_webhooks,
    sources,
    staff,
    status_preview,
    status_versions,
    statuses,
    today,
    visible,
    why,
)
from web.console.finding import FINDING

MODULES = (
    today,
    customers,
    accounts,
    requests,
    sources,
    connecting,
    source_acts,
    source_webhooks,
    statuses,
    status_preview,
    status_versions,
    visible,
    deliveries,
    helping,
    outgoing,
    mails,
    settings,
    appearance,
    staff,
    pages,
    why,
)

CONSOLE = Router(
    path="/",
    route_handlers=[route for module in MODULES for route in module.ROUTES],
    include_in_schema=False,
    dependencies=FINDING,
)
