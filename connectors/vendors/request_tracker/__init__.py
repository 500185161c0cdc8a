"""Request Tracker 5, over REST2: tickets with their public messages and files."""

from urllib.parse import quote

from msgspec import Struct

from connectors.contract import Connector, Limits, Scope
from connectors.vendors.request_tracker.actions import new_ticket, public_reply, to_reopen, to_solve
from connectors.vendors.request_tracker.api import Listing, Ref, RequestTracker, TokenAuth, get
from connectors.vendors.request_tracker.articles import class_number, read_articles
from connectors.vendors.request_tracker.details import fetch_details, to_change
from connectors.vendors.request_tracker.feeds import feed
from connectors.vendors.request_tracker.files import open_file
from connectors.vendors.request_tracker.people import fetch_person, find
from connectors.vendors.request_tracker.rating import to_rate
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.request_tracker.tickets import STATES, fetch_ticket, read_tickets
from connectors.vendors.request_tracker.webhook import webhook


class About(Struct):
    Version: str


async def check(office: RequestTracker) -> str:
    about = await get(office, About, "/rt")
    queues = await get(office, Listing[Ref], "/queues/all")
    if office.config.article_class:
        await class_number(office)
    return f"Request Tracker {about.Version.partition('+')[0][:20]}, which shows us {len(queues.items)} queues"


connector = Connector(
    name="request_tracker",
    title="Request Tracker",
    config=RequestTrackerConfig,
    base_url=lambda config: config.base_url,
    auth=lambda config, tokens: TokenAuth(config),  # noqa: ARG005  # a token that an admin gave, not one to fetch
    check=check,
    find=find,
    person=fetch_person,
    details=fetch_details,
    reads={"tickets": read_tickets},
    reads_open=frozenset({"tickets"}),
    fetch={"tickets": fetch_ticket},
    feeds={"tickets": feed},
    files={"tickets": open_file},
    articles=read_articles,
    ticket_page=lambda config, ticket: f"{config.base_url}/Ticket/Display.html?id={quote(ticket, safe='')}",
    actions={
        "new_ticket": new_ticket,
        "reply": public_reply,
        "solve": to_solve,
        "reopen": to_reopen,
        "rate": to_rate,
        "change_details": to_change,
    },
    statuses={"tickets": STATES},
    limits=Limits(concurrent=4),  # one Perl worker per call, and no limit of its own
    scope=Scope(customer="address", proof="the requestors of the ticket"),
    webhook=webhook,
)
