"""All pages about one customer, or some."""

from web.console import account, links, people

ROUTES = [route for module in (account, links, people) for route in module.ROUTES]
