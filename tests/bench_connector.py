"""Three connectors to sources that take their time: one per kind, one call for a list. Found as a plugin's are.

A webhook names the customer whose list has changed.
"""

from typing import Any

import httpx
import msgspec
from msgspec import Struct

from connectors.contract import Answer, BackOffice, Connector, Limits, Page, Query, Scope
from connectors.decode import decode_json
from connectors.deliveries import Delivery, Event, News, Verified, Webhook, WebhookConfig, decode
from connectors.records import Invoice, Kind, Order, Record, Ticket
from connectors.signatures import key_in_address

MANY = 256  # calls at once


class SlowConfig(WebhookConfig, frozen=True, kw_only=True):
    base_url: str


class Changed(Struct):
    customer: str


class Found(Struct):
    owner: str
    records: msgspec.Raw


def connector_of(kind: Kind, record: type[Record]) -> Connector[SlowConfig]:
    async def read(office: BackOffice[SlowConfig], query: Query) -> Page[Record]:
        response = await office.http.get(f"/{kind}", params={"customer": query.customer})
        found = decode_json(response.content, Found, kind)
        records: list[Record] = decode_json(found.records, list[record], kind)  # type: ignore[valid-type]
        return Page(tuple(Answer(frozenset([found.owner]), each) for each in records))

    def hear(verified: Verified) -> News:
        return News(None, (Event(kind=kind, customers=frozenset([decode(verified, Changed).customer])),))

    return Connector(
        name=f"slow_{kind}",
        title=f"Slow {kind}",
        config=SlowConfig,
        base_url=lambda config: config.base_url,
        auth=_nobody,
        check=_never,
        find=_never,
        reads={kind: read},
        fetch={},
        files={},
        statuses={},
        limits=Limits(concurrent=MANY),
        scope=Scope(customer="number", proof="the owner that is named"),
        webhook=Webhook(verify=_verify, read=hear, steps=""),
    )


def _nobody(_config: SlowConfig, _tokens: object) -> httpx.Auth | None:
    return None


def _verify(delivery: Delivery, config: SlowConfig) -> Verified:
    return key_in_address(delivery, config.webhook_secrets)


async def _never(*_: object) -> Any:
    raise NotImplementedError


orders = connector_of("orders", Order)
invoices = connector_of("invoices", Invoice)
tickets = connector_of("tickets", Ticket)
