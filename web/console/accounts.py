"""All pages about one customer, or some."""

from web.console import account, erasing, importing, links, people, queue, readiness

ROUTES = [route for module in (account, erasing, importing, links, people, queue, readiness) for route in module.ROUTES]
