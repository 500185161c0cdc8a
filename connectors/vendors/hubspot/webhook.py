"""Events of orders and deals, of which HubSpot names the object and not its customer.

https://developers.hubspot.com/docs/api-reference/webhooks-webhooks-v3/guide. No id of an event is promised to be
unique, so none is taken for one.
"""

from collections.abc import Mapping

from msgspec import Struct

from connectors.deliveries import Delivery, Event, News, Verified, Webhook, decode
from connectors.signatures import hubspot
from connectors.vendors.hubspot.api import HubSpot, ObjectType
from connectors.vendors.hubspot.associations import owners
from connectors.vendors.hubspot.settings import HubSpotConfig

OBJECTS: Mapping[str, ObjectType] = {"order": "orders", "deal": "deals"}
TYPES = {"0-3": "deal", "0-123": "order"}  # what "object" stands for in the name of a subscription
STEPS = (
    "In the app: Webhooks, target URL as above, subscriptions to deals and orders: created, changed, deleted, "
    "associated. The app's client secret goes into `webhook_secret`."
)


class Push(Struct, rename="camel"):
    subscription_type: str
    object_id: int
    object_type_id: str = ""

    @property
    def event(self) -> Event | None:
        """None: it is about something that nobody sees here."""
        name = self.subscription_type.partition(".")[0]
        name = TYPES.get(self.object_type_id, "") if name == "object" else name
        return Event(kind="orders", record=f"{name}-{self.object_id}") if name in OBJECTS else None


def verify(delivery: Delivery, config: HubSpotConfig) -> Verified:
    return hubspot(delivery, config.webhook_secrets)


def read(verified: Verified) -> News:
    events = (push.event for push in decode(verified, list[Push]))
    return News(None, tuple(dict.fromkeys(event for event in events if event)))


async def owners_of(office: HubSpot, event: Event) -> frozenset[str]:
    name, _, key = (event.record or "").partition("-")
    return (await owners(office, OBJECTS[name], [key]))[key]


webhook = Webhook(verify=verify, read=read, owners=owners_of, steps=STEPS)
