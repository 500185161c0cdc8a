"""Zendesk Support, over its API v2: tickets with their public comments and files."""

from urllib.parse import quote

from msgspec import Struct

from connectors.contract import Connector, Limits, Scope
from connectors.errors import AccessDenied
from connectors.vendors.zendesk.access import auth_of, consent
from connectors.vendors.zendesk.actions import new_ticket, public_reply, to_reopen, to_solve
from connectors.vendors.zendesk.api import Zendesk, get
from connectors.vendors.zendesk.articles import read_articles
from connectors.vendors.zendesk.details import fetch_details, to_change
from connectors.vendors.zendesk.feed import feed
from connectors.vendors.zendesk.files import open_file
from connectors.vendors.zendesk.people import find
from connectors.vendors.zendesk.rating import to_rate
from connectors.vendors.zendesk.settings import ZendeskConfig, account_address
from connectors.vendors.zendesk.tickets import STATES, fetch_ticket, read_tickets
from connectors.vendors.zendesk.users import fetch_person
from connectors.vendors.zendesk.webhook import webhook


class Myself(Struct):
    name: str
    role: str


class Me(Struct):
    user: Myself


async def check(office: Zendesk) -> str:
    """Ask who we are. Zendesk answers even strangers here: as an end user without a name."""
    me = (await get(office, Me, "/users/me")).user
    if me.role not in ("agent", "admin"):
        raise AccessDenied(
            "Zendesk: takes us for an end user. Use the e-mail of an agent, and an active API token, or let one agree"
        )
    untold = "" if me.role == "admin" else ". Only an admin is told what has changed"
    return f"Zendesk Support, signed in as {me.name[:80]}, {me.role}{untold}"


connector = Connector(
    name="zendesk",
    title="Zendesk Support",
    config=ZendeskConfig,
    base_url=account_address,
    auth=auth_of,
    check=check,
    find=find,
    person=fetch_person,
    details=fetch_details,
    reads={"tickets": read_tickets},
    fetch={"tickets": fetch_ticket},
    feeds={"tickets": feed},
    files={"tickets": open_file},
    ticket_page=lambda config, ticket: f"{account_address(config)}/agent/tickets/{quote(ticket, safe='')}",
    articles=read_articles,
    actions={
        "new_ticket": new_ticket,
        "reply": public_reply,
        "solve": to_solve,
        "reopen": to_reopen,
        "rate": to_rate,
        "change_details": to_change,
    },
    statuses={"tickets": STATES},
    # https://developer.zendesk.com/api-reference/introduction/rate-limits/: what the smallest plan has, for the account
    limits=Limits(
        concurrent=4,
        per_minute=200,
        told_by=("x-rate-limit", "x-rate-limit-remaining", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
    ),
    scope=Scope(
        customer="the id of the organization or of the user",
        proof="the organization and the requester of the ticket",
    ),
    consent=consent,
    webhook=webhook,
)
