"""Telling Zendesk where to send events of tickets: an admin's right.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
"""

from typing import Annotated

from msgspec import Meta, Struct

from connectors.config import Secret
from connectors.decode import decode_json
from connectors.deliveries import Registered
from connectors.errors import Refused
from connectors.vendors.zendesk.api import API, Paged, Zendesk, get, walk

NAME = "Hallway"
# What customers see of a ticket, and whose it is.
EVENTS = tuple(
    f"zen:event-type:ticket.{name}"
    for name in (
        "attachment_linked_to_comment",
        "attachment_redacted_from_comment",
        "comment_added",
        "comment_made_private",
        "comment_redacted",
        "created",
        "custom_status_changed",
        "marked_as_spam",
        "merged",
        "organization_changed",
        "permanently_deleted",
        "priority_changed",
        "requester_changed",
        "soft_deleted",
        "status_changed",
        "subject_changed",
        "undeleted",
    )
)

Text = Annotated[str, Meta(min_length=1, max_length=500)]


class Hook(Struct):
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
    endpoint: str = ""
    status: str = ""
    subscriptions: list[str] = []

    @property
    def is_whole(self) -> bool:
        return self.status == "active" and set(EVENTS) <= set(self.subscriptions)


class Hooks(Paged):
    webhooks: list[Hook]


class Made(Struct):
    webhook: Hook


class Signing(Struct):
    secret: Text


class SigningSecret(Struct):
    signing_secret: Signing


async def register(office: Zendesk, address: str) -> Registered:
    """Find the webhook that sends to the address, or make one, and ask what it signs with.

    Raises `Refused` for one that is switched off or lacks events: somebody did that, and undoes it or deletes it.
    """
    hook = await _find(office, address) or await _make(office, address)
    if not hook.is_whole:
        raise Refused(
            "Zendesk: has a webhook for this address that is not active or lacks events. "
            "Delete it in Admin Center > Apps and integrations > Webhooks, and try again"
        )
    answer = await get(office, SigningSecret, f"/webhooks/{hook.id}/signing_secret")
    return Registered(id=hook.id, secret=Secret(answer.signing_secret.secret))


async def _find(office: Zendesk, address: str) -> Hook | None:
    async for page in walk(office, Hooks, "/webhooks"):
        for hook in page.webhooks:
            if hook.endpoint == address:
                return hook
    return None


async def _make(office: Zendesk, address: str) -> Hook:
    """Ask once: where the answer is lost, the next try finds it."""
    wanted = {
        "name": NAME,
        "status": "active",
        "endpoint": address,
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": EVENTS,
    }
    response = await office.http.post(f"{API}/webhooks", json={"webhook": wanted})
    return decode_json(response.content, Made, "Zendesk /webhooks").webhook
