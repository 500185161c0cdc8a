"""All pages about one customer, or some."""

from web.console import account, links, people, queue, readiness

ROUTES = [route for module in (account, links, people, queue, readiness) for route in module.ROUTES]
