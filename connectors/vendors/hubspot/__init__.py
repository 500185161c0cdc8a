"""HubSpot, over version 3 of its CRM objects and version 4 of their associations: orders, and deals that are offers.

Tickets can be opened, and are not read. Its API says nothing in a visitor's name, so there are no replies.
"""

from connectors.contract import Connector, Limits, Scope
from connectors.vendors.hubspot import deals, orders
from connectors.vendors.hubspot.access import auth_of, consent
from connectors.vendors.hubspot.account import check
from connectors.vendors.hubspot.actions import new_ticket
from connectors.vendors.hubspot.details import fetch_details, to_change
from connectors.vendors.hubspot.feed import feed
from connectors.vendors.hubspot.owners import read_counterpart
from connectors.vendors.hubspot.people import fetch_person, find
from connectors.vendors.hubspot.properties import properties
from connectors.vendors.hubspot.reading import fetch_order, read_orders
from connectors.vendors.hubspot.settings import HubSpotConfig
from connectors.vendors.hubspot.webhook import webhook

connector = Connector(
    name="hubspot",
    title="HubSpot",
    config=HubSpotConfig,
    base_url=lambda config: config.base_url,
    auth=auth_of,
    consent=consent,
    check=check,
    find=find,
    person=fetch_person,
    details=fetch_details,
    properties=properties,
    counterpart=read_counterpart,
    reads={"orders": read_orders},
    reads_open=frozenset({"orders"}),
    fetch={"orders": fetch_order},
    feeds={"orders": feed},
    files={},
    actions={"new_ticket": new_ticket, "change_details": to_change},
    statuses={"orders": {**orders.STATES, **deals.STATES}},
    # https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines: 100 in 10 s on the smallest plan
    limits=Limits(
        concurrent=4,
        per_minute=600,
        told_by=(
            "x-hubspot-ratelimit-max",
            "x-hubspot-ratelimit-remaining",
            "x-hubspot-ratelimit-interval-milliseconds",
            "x-hubspot-ratelimit-daily",
            "x-hubspot-ratelimit-daily-remaining",
        ),
    ),
    scope=Scope(customer="customer number", proof="the companies and contacts that the order belongs to"),
    webhook=webhook,
)
