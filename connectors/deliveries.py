"""Webhooks: what arrived, what has been proven of it, and what it says."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from connectors.config import Config, Secret
from connectors.decode import decode_json
from connectors.errors import BadResponse, WebhookRefused
from connectors.records import Kind

C = TypeVar("C", bound=Config)
T = TypeVar("T")


class WebhookConfig(Config, frozen=True, kw_only=True):
    """The settings of every connector that takes webhooks. Two secrets, so that one can be changed without a gap."""

    webhook_secret: Annotated[
        Secret | None,
        Meta(
            title="Webhook secret",
            description="What the system signs its webhooks with, or was given by us. Without it they are refused",
        ),
    ] = None
    webhook_secret_before: Annotated[
        Secret | None,
        Meta(
            title="Webhook secret before",
            description="The one before, only while it is being changed: both count until you take it away",
        ),
    ] = None

    @property
    def webhook_secrets(self) -> tuple[bytes, ...]:
        """Those that count now, the newest first."""
        ring = (self.webhook_secret, self.webhook_secret_before)
        return tuple(secret.reveal().encode() for secret in ring if secret)


class Delivery(Struct, frozen=True, kw_only=True):
    """A webhook as it arrived. Signatures cover bytes, so nothing is decoded until it is `Verified`.

    `url` is where it was sent, as the sender knows it; `key` what the sender put into its query. Headers have small
    letters.
    """

    url: str
    key: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Verified(Struct, frozen=True):
    """A delivery whose sender is proven. Only `connectors.signatures` makes one."""

    delivery: Delivery


class Event(Struct, frozen=True, kw_only=True):
    """Something changed over there. It says what to look at again, never what to believe.

    `record` None: any of the kind. `customers` are those it names, in the words of a link; none: ask `Webhook.owners`.
    """

    kind: Kind
    record: str | None = None
    customers: frozenset[str] = frozenset()


class News(Struct, frozen=True):
    """What a delivery says. `id` is the vendor's own for it, the same when it is sent again; None: it has none."""

    id: str | None
    events: tuple[Event, ...]


class Registered(Struct, frozen=True, kw_only=True):
    """They send to us now. `id` is theirs for it; `secret` what they sign with, None: that of the source's settings.

    `ends_at`: from then on they send no more, unless it is done again.
    """

    id: str
    secret: Secret | None = None
    ends_at: datetime | None = None


class Webhook(Struct, Generic[C], frozen=True, kw_only=True):
    """How a back office tells us of changes. `verify` and `read` raise `WebhookRefused`.

    `owners` asks whose a record is, where events do not say. `refused` is the status that this vendor wants to see for
    a delivery that is not believed, `steps` what an admin does over there, and `behind` what they put behind the
    address. `register` tells them an address by their API, or finds that they know it; None: they have none for it.
    `is_ours`: the secret is one that we make, and not theirs.
    """

    verify: Callable[[Delivery, C], Verified]
    read: Callable[[Verified], News]
    owners: Callable[[Any, Event], Awaitable[frozenset[str]]] | None = None
    refused: int = 401
    steps: str
    behind: str = ""
    register: Callable[[Any, str], Awaitable[Registered]] | None = None
    is_ours: bool = False


def decode(verified: Verified, type_: type[T]) -> T:
    """Read what a sender that is proven has sent. Raises `WebhookRefused`, without a value in it."""
    try:
        return decode_json(verified.delivery.body, type_, "webhook")
    except BadResponse as error:
        raise WebhookRefused(str(error)) from None
