"""What a scrip of ours sends: that a ticket has changed, signed as Standard Webhooks say. RT itself sends nothing."""

from msgspec import Struct

from connectors.deliveries import Delivery, Event, News, Verified, Webhook, decode
from connectors.signatures import standard_webhooks
from connectors.vendors.request_tracker.api import RequestTracker, as_number, get
from connectors.vendors.request_tracker.settings import RequestTrackerConfig
from connectors.vendors.request_tracker.tickets import TicketRow

STEPS = (
    "Admin > Global > Scrips: condition On Transaction, action User Defined, with the Perl of docs/webhooks.md, which "
    "holds the address above and the value of `webhook_secret`."
)


class Push(Struct):
    ticket: int


def verify(delivery: Delivery, config: RequestTrackerConfig) -> Verified:
    return standard_webhooks(delivery, config.webhook_secrets)


def read(verified: Verified) -> News:
    push = decode(verified, Push)
    name = verified.delivery.headers.get("webhook-id")
    return News(name, (Event(kind="tickets", record=str(push.ticket)),))


async def owners_of(office: RequestTracker, event: Event) -> frozenset[str]:
    row = await get(office, TicketRow, f"/ticket/{as_number(event.record or '')}")
    return row.owners if row.shown else frozenset()


webhook = Webhook(verify=verify, read=read, owners=owners_of, steps=STEPS)
