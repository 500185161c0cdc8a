"""Webhooks of a system without a scheme of its own, or in which an admin writes what is sent.

They are signed as https://www.standardwebhooks.com says. A connector declares `webhook=standard(steps=...)`, and its
settings are a `WebhookConfig`. Without `read` the system sends the document that `read_change` knows.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from msgspec import Meta, Struct

from connectors.config import Config
from connectors.deliveries import Delivery, Event, News, Verified, Webhook, WebhookConfig, decode
from connectors.errors import WebhookRefused
from connectors.records import KINDS, Kind
from connectors.signatures import standard_webhooks

Id = Annotated[str, Meta(min_length=1, max_length=255)] | int


class Changed(Struct, frozen=True):
    id: Id | None = None
    customer: Id | None = None


class Change(Struct):
    type: str
    data: Changed = Changed()


def read_change(verified: Verified) -> tuple[Event, ...]:
    """Read `{"type": "invoices.changed", "data": {"id": "42", "customer": "10"}}`.

    What is no kind of ours is passed over. Without an id it is about all of that kind, without a customer `owners` is
    asked.
    """
    change = decode(verified, Change)
    kind = _kind(change.type)
    if kind is None:
        return ()
    record = None if change.data.id is None else str(change.data.id)
    customers = frozenset() if change.data.customer is None else frozenset({str(change.data.customer)})
    return (Event(kind=kind, record=record, customers=customers),)


def standard(
    *,
    steps: str,
    read: Callable[[Verified], tuple[Event, ...]] = read_change,
    owners: Callable[[Any, Event], Awaitable[frozenset[str]]] | None = None,
) -> Webhook[Any]:
    """Declare deliveries that are signed as Standard Webhooks say, of which a copy has the id of the first."""
    return Webhook(
        verify=_verify,
        read=lambda verified: News(verified.delivery.headers.get("webhook-id"), read(verified)),
        owners=owners,
        steps=steps,
        is_ours=True,
    )


def _verify(delivery: Delivery, config: Config) -> Verified:
    if not isinstance(config, WebhookConfig):
        raise WebhookRefused("its settings have no place for a secret", reason="no_secret")
    return standard_webhooks(delivery, config.webhook_secrets)


def _kind(type_: str) -> Kind | None:
    name = type_.partition(".")[0]
    return next((kind for kind in KINDS if kind == name), None)
