"""What each vendor's webhook says, and whose the record is where it does not say."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from support_hostile import SHARED
from support_needs import need
from support_sandbox import HUBSPOT_TOKEN, ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RT_TOKEN, RunningSandbox
from support_webhooks import by_standard

from connectors.addresses import AddressPolicy
from connectors.config import Config, Secret, decode_config
from connectors.contract import BackOffice, Connector
from connectors.deliveries import Delivery, Event, News, Verified, Webhook, WebhookConfig
from connectors.errors import WebhookRefused
from connectors.registry import load_connectors
from connectors.standard import standard
from connectors.tokens import MemoryTokens
from connectors.transport import open_client

SECRET = "aG9vay1jYW5hcnktb2YtcnQ="
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONNECTORS = load_connectors()
VENDORS = sorted(name for name, connector in CONNECTORS.items() if connector.webhook)
ZENDESK = {
    "account_id": 22129848,
    "detail": {
        "id": "5158",
        "organization_id": "111",
        "requester_id": "8447388090494",
        "status": "OPEN",
        "description": "INTERNAL-CANARY",
        "via": {"channel": "web_service"},
    },
    "event": {"current": "OPEN", "previous": "NEW"},
    "id": "cbe4028c-7239-495d-b020-f22348516046",
    "subject": "zen:ticket:5158",
    "time": "2026-03-01T11:59:59Z",
    "type": "zen:event-type:ticket.status_changed",
    "zendesk_event_version": "2022-11-06",
}
HUBSPOT = [
    {"eventId": 1, "subscriptionType": "deal.propertyChange", "objectId": 77, "occurredAt": 1, "attemptNumber": 0},
    {"eventId": 1, "subscriptionType": "deal.propertyChange", "objectId": 77, "occurredAt": 2, "attemptNumber": 1},
    {"eventId": 2, "subscriptionType": "object.creation", "objectTypeId": "0-123", "objectId": 78, "occurredAt": 3},
    {"eventId": 3, "subscriptionType": "object.creation", "objectTypeId": "0-5", "objectId": 79, "occurredAt": 3},
    {"eventId": 4, "subscriptionType": "contact.merge", "objectId": 80, "occurredAt": 4},
]


def webhook_of(vendor: str) -> Webhook[Any]:
    webhook = CONNECTORS[vendor].webhook
    assert webhook
    return webhook


def told(vendor: str, body: bytes, **headers: str) -> News:
    delivery = Delivery(url="https://portal.example/hooks/x", key="", headers=headers, body=body, received_at=NOON)
    return webhook_of(vendor).read(Verified(delivery))


def test_all_but_tryton_take_webhooks() -> None:
    assert set(CONNECTORS) - set(VENDORS) == {"tryton"}


def test_reads_an_event_of_zendesk() -> None:
    name = {"x-zendesk-webhook-invocation-id": "01GRE5"}
    customers = frozenset({"organization:111", "user:8447388090494"})
    event = Event(kind="tickets", record="5158", customers=customers)
    assert told("zendesk", json.dumps(ZENDESK).encode(), **name) == News("01GRE5", (event,))
    users = ZENDESK | {"type": "zen:event-type:user.created"}
    assert told("zendesk", json.dumps(users).encode(), **name) == News("01GRE5", ())


def test_reads_events_of_hubspot_each_once() -> None:
    events = (Event(kind="orders", record="deal-77"), Event(kind="orders", record="order-78"))
    assert told("hubspot", json.dumps(HUBSPOT).encode()) == News(None, events)


@pytest.mark.parametrize(
    ("model", "kind"), [("sale.order", "orders"), ("account.move", "invoices"), ("helpdesk.ticket", "tickets")]
)
def test_reads_an_event_of_odoo(model: str, kind: Any) -> None:
    body = json.dumps({"_id": 7, "_model": model, "_name": "Rule", "name": "INTERNAL-CANARY"}).encode()
    assert told("odoo", body) == News(None, (Event(kind=kind, record="7"),))


@pytest.mark.parametrize(
    ("body", "events"),
    [
        ({"type": "invoices.changed", "data": {"id": 42, "customer": "10"}}, ["invoices", "42", ["10"]]),
        ({"type": "invoices.changed", "timestamp": "2026-03-01T12:00:00Z", "data": {"id": "x"}}, ["invoices", "x", []]),
        ({"type": "orders"}, ["orders", None, []]),
        ({"type": "users.changed", "data": {"id": 1}}, None),
    ],
)
def test_reads_an_event_of_any_system_by_standard_webhooks(body: Any, events: list[Any] | None) -> None:
    """Signed by openssl, read without a line of a connector's own."""
    webhook = standard(steps="write it")
    sent = json.dumps(body).encode()
    headers = by_standard(SECRET, sent, NOON, "msg_7")
    delivery = Delivery(url="https://portal.example/hooks/x", key="", headers=headers, body=sent, received_at=NOON)
    news = webhook.read(webhook.verify(delivery, WebhookConfig(webhook_secret=Secret(SECRET))))
    assert news.id == "msg_7"
    assert [[event.kind, event.record, sorted(event.customers)] for event in news.events] == (
        [events] if events else []
    )


@pytest.mark.parametrize("config", [WebhookConfig(), Config()])
def test_refuses_all_where_a_connector_without_a_scheme_has_no_secret(config: Config) -> None:
    sent = b'{"type": "orders"}'
    headers = by_standard(SECRET, sent, NOON)
    delivery = Delivery(url="https://portal.example/hooks/x", key="", headers=headers, body=sent, received_at=NOON)
    with pytest.raises(WebhookRefused) as refused:
        standard(steps="write it").verify(delivery, config)
    assert refused.value.reason == "no_secret"


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"type": "orders", "data": {"id": true}}', b'{"type": "orders", "data": 1}']
)
def test_refuses_another_document_than_the_one_that_is_documented(body: bytes) -> None:
    delivery = Delivery(url="x", key="", headers={"webhook-id": "1"}, body=body, received_at=NOON)
    with pytest.raises(WebhookRefused):
        standard(steps="write it").read(Verified(delivery))


def test_reads_an_event_of_our_scrip() -> None:
    assert told("request_tracker", b'{"ticket": 881}', **{"webhook-id": "881-4402"}) == News(
        "881-4402", (Event(kind="tickets", record="881"),)
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_refuses_or_ignores_hostile_documents(vendor: str) -> None:
    folder = SHARED / "corpora" / "json" / "parsing"
    need("shared corpora", folder.is_dir(), "put the shared folder beside the checkout, or set HALLWAY_SHARED")
    bodies = [file.read_bytes() for file in sorted(folder.iterdir())]
    odd: list[Any] = [-1, 0, 1.5, True, None, "", "x", "1 ", "٣", 10**30, [], {}, "9" * 400]
    for value in odd:
        bodies += [
            json.dumps({**ZENDESK, "detail": {"id": value, "requester_id": value, "organization_id": value}}).encode(),
            json.dumps([{**HUBSPOT[0], "objectId": value, "subscriptionType": value}]).encode(),
            json.dumps({"_id": value, "_model": value}).encode(),
            json.dumps({"ticket": value}).encode(),
        ]
    assert len(bodies) > 300
    for body in bodies:
        with suppress(WebhookRefused):
            assert all(event.kind in CONNECTORS[vendor].reads for event in told(vendor, body).events)


SETTINGS: dict[str, dict[str, Any]] = {
    "hubspot": {"access_token": HUBSPOT_TOKEN, "offer_number_property": "offer_number"},
    "odoo": {"database": ODOO_DATABASE, "login": ODOO_LOGIN, "api_key": ODOO_KEY},
    "request_tracker": {"token": RT_TOKEN},
}
ADDRESSES = {"hubspot": "hubspot", "odoo": "odoo", "request_tracker": "rt"}


@pytest.mark.parametrize(
    ("vendor", "event", "owner"),
    [
        ("hubspot", Event(kind="orders", record="order-54805204417"), "company:9010"),
        ("odoo", Event(kind="orders", record="4417"), "10"),
        ("odoo", Event(kind="invoices", record="2093"), "10"),
        ("request_tracker", Event(kind="tickets", record="881"), "maya@alderlane.example"),
    ],
)
async def test_asks_whose_it_is(sandbox: RunningSandbox, vendor: str, event: Event, owner: str) -> None:
    connector: Connector[Any] = CONNECTORS[vendor]
    settings = {"base_url": f"{sandbox.url}/{ADDRESSES[vendor]}", **SETTINGS[vendor]}
    config, tokens = decode_config(connector.config, settings), MemoryTokens()
    policy = AddressPolicy(allow_http=True, allow_private=True)
    ask = webhook_of(vendor).owners
    assert ask
    async with open_client(connector.base_url(config), policy=policy, auth=connector.auth(config, tokens)) as http:
        office = BackOffice(source="x", http=http, config=config, tokens=tokens)
        assert owner in await ask(office, event)
