"""Events of tickets. https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/."""

from typing import Annotated

from msgspec import Meta, Struct

from connectors.deliveries import Delivery, Event, News, Verified, Webhook, decode
from connectors.signatures import zendesk
from connectors.vendors.zendesk.api import Id, organization, user
from connectors.vendors.zendesk.registration import register
from connectors.vendors.zendesk.settings import ZendeskConfig

OF_TICKETS = "zen:event-type:ticket."
STEPS = (
    "Admin Center > Apps and integrations > Webhooks > Create webhook: Zendesk events, all of tickets. "
    "Its signing secret goes into `webhook_secret`. Or, with the token of an admin: "
    "`hallway webhooks register`."
)


AnyId = Id | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}\Z")]  # they are texts in events, and numbers elsewhere


class Detail(Struct):
    id: AnyId
    requester_id: AnyId | None = None
    organization_id: AnyId | None = None

    @property
    def customers(self) -> frozenset[str]:
        requester = {user(int(self.requester_id))} if self.requester_id else set()
        company = {organization(int(self.organization_id))} if self.organization_id else set()
        return frozenset(requester | company)


class Push(Struct):
    type: str
    detail: Detail


def verify(delivery: Delivery, config: ZendeskConfig) -> Verified:
    return zendesk(delivery, config.webhook_secrets)


def read(verified: Verified) -> News:
    push = decode(verified, Push)
    name = verified.delivery.headers.get("x-zendesk-webhook-invocation-id")
    if not push.type.startswith(OF_TICKETS):
        return News(name, ())
    return News(name, (Event(kind="tickets", record=str(push.detail.id), customers=push.detail.customers),))


webhook = Webhook(verify=verify, read=read, steps=STEPS, register=register)
