"""The pages of staff. Each names the least role that opens it."""

from litestar import Router

from web.console import (
    accounts,
    appearance,
    audit,
    connecting,
    customers,
    deliveries,
    helping,
    keys,
    mails,
    outgoing,
    pages,
    requests,
    retention,
    settings,
    source_acts,
    source_webhooks,
    sources,
    staff,
    status_preview,
    status_versions,
    statuses,
    today,
    topics,
    visible,
    why,
)
from web.console.finding import FINDING

MODULES = (
    today,
    customers,
    accounts,
    requests,
    topics,
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
    audit,
    settings,
    appearance,
    staff,
    keys,
    retention,
    pages,
    why,
)

CONSOLE = Router(
    path="/",
    route_handlers=[route for module in MODULES for route in module.ROUTES],
    include_in_schema=False,
    dependencies=FINDING,
)
