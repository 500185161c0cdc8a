"""All pages about one customer, or some."""

from web.console import (
    account,
    adopting,
    erasing,
    importing,
    invitations,
    inviting,
    links,
    merging,
    people,
    queue,
    readiness,
    splitting,
)

MODULES = (
    *(account, adopting, erasing, importing, invitations, inviting, links, merging, people),
    *(queue, readiness, splitting),
)
ROUTES = [route for module in MODULES for route in module.ROUTES]
