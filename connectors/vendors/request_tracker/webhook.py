"""What a scrip of ours sends: that a ticket has changed. RT itself sends nothing, so it is as Standard Webhooks say."""

from msgspec import Struct

from connectors.deliveries import Event, Verified, decode
from connectors.standard import standard
from connectors.vendors.request_tracker.api import RequestTracker, as_number, get
from connectors.vendors.request_tracker.tickets import TicketRow

STEPS = (
    "Admin > Global > Scrips: condition On Transaction, action User Defined, with the Perl of docs/webhooks.md, which "
    "holds the address above and the value of `webhook_secret`."
)


class Push(Struct):
    ticket: int


def read(verified: Verified) -> tuple[Event, ...]:
    return (Event(kind="tickets", record=str(decode(verified, Push).ticket)),)


async def owners_of(office: RequestTracker, event: Event) -> frozenset[str]:
    row = await get(office, TicketRow, f"/ticket/{as_number(event.record or '')}")
    return row.owners if row.shown else frozenset()


webhook = standard(read=read, owners=owners_of, steps=STEPS)
