"""/metrics and `hallway status`: how each source is doing, from what all processes share."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import pytest_asyncio
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from support_cli import Hallway
from support_door import litestar_of
from support_portal import BAKERY, ODOO_HOOK, Portal, running
from support_sandbox import RunningSandbox
from support_tree import ROOT

from cache.client import Client, connect
from connectors.config import Secret
from connectors.errors import RateLimited
from connectors.records import Invoice, Money, Origin
from gateway import metrics
from gateway.agreement.facts import Compared, Kind
from gateway.app import make_app
from gateway.conflicts import Look, Sources, Thing, note
from gateway.feeds.rows import Feeds
from gateway.metrics import COLLECTORS, HELP
from gateway.offices import Offices
from gateway.records.database import Database, DatabaseDown
from gateway.settings import Settings
from gateway.unmapped import UnmappedStatuses

LABELS = ("source", "kind", "outcome", "error", "other", "fact")
TOKEN = "canary-metrics-token-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
INVOICE = b'{"_id": 2093, "_model": "account.move"}'


@pytest_asyncio.fixture
async def watched(database: Database, portal_settings: Settings, sandbox: RunningSandbox) -> AsyncIterator[Portal]:
    """A portal that may be asked for its figures."""
    settings = replace(portal_settings, metrics_token=Secret(TOKEN))
    made = Portal(make_app(settings), database, settings)
    await made.connect(sandbox)
    await made.link("maya", "bakery", *BAKERY)
    async with running(made.app):
        yield made
    await made.aclose()


async def figures(portal: Portal) -> dict[tuple[str, ...], float]:
    """Read them as Prometheus does, by name and labels."""
    answer = await portal.stranger().get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_has_no_such_page_without_a_token(portal: Portal) -> None:
    answer = await portal.stranger().get("/metrics", headers=BEARER)
    assert answer.status_code == 404
    assert "hallway_" not in answer.text


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN]
)
async def test_tells_nobody_without_the_token(watched: Portal, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await watched.stranger().get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "hallway_" not in answer.text


async def test_can_be_asked_by_address(watched: Portal) -> None:
    """Who watches asks the machine, and not what customers open."""
    answer = await watched.stranger().get("/metrics", headers={**BEARER, "Host": "10.0.0.7:8000"})
    assert answer.status_code == 200


async def test_counts_webhooks_and_names_no_customer(watched: Portal) -> None:
    maya, sender = await watched.browser("maya", "bakery"), watched.stranger()
    await maya.get("/invoices")
    for key in (ODOO_HOOK, "wrong", "wrong"):
        await sender.post(f"/hooks/erp?key={key}", content=INVOICE)
    await sender.post("/hooks/canary-source", content=INVOICE)
    for _ in range(100):
        found = await figures(watched)
        if ("hallway_webhooks_total", "erp", "taken") in found:
            break
        await asyncio.sleep(0.1)
    assert found["hallway_webhooks_total", "erp", "taken"] == 1
    assert found["hallway_webhooks_total", "erp", "signature"] == 2
    assert found["hallway_webhooks_waiting", "helpdesk"] == 0
    assert found["hallway_webhooks_last_taken_timestamp_seconds", "erp"] > 1.7e9
    assert found["hallway_source_usable", "erp"] == 1
    assert found["hallway_outbox_waiting", "helpdesk"] == found["hallway_outbox_stuck", "helpdesk"] == 0
    text = (await sender.get("/metrics", headers=BEARER)).text
    for word in ("bakery", "maya", "canary", "2093", ODOO_HOOK):
        assert word not in text.lower()


async def test_tells_which_feed_fails_and_how(watched: Portal, redis: Client) -> None:
    found = await figures(watched)
    assert found["hallway_feed_late", "helpdesk", "tickets"] == 1  # nobody has looked yet
    assert ("hallway_feed_lag_seconds", "helpdesk", "tickets") not in found
    offices: Offices = litestar_of(watched.app).state.offices
    office = await offices.get("helpdesk")
    assert office
    await Feeds(watched.database).failed(office, "tickets", RateLimited("INTERNAL-CANARY"), datetime.now(UTC))
    found = await figures(watched)
    assert found["hallway_feed_failing", "helpdesk", "tickets", "RateLimited"] == 1
    assert found["hallway_feed_failing", "erp", "invoices", ""] == 0
    assert "CANARY" not in str(found)


async def test_tells_how_often_two_sources_agree(watched: Portal) -> None:
    said = Compared(field="total", values=("EUR 1", "EUR 1"), agrees=True)
    one = Thing(kind="orders", number="41", sources=("erp", "helpdesk"), ids=("1", "2"), compared=(said,))
    differs = Compared(field="total", values=("EUR 1", "CANARY"), agrees=False)
    two = Thing(kind="orders", number="CANARY", sources=("erp", "helpdesk"), ids=("1", "2"), compared=(differs,))
    pair: frozenset[tuple[Kind, Sources]] = frozenset({("orders", ("erp", "helpdesk"))})
    look = Look(account="bakery", linked=frozenset({"erp", "helpdesk"}), things=(one, two), whole=pair)
    await note(watched.database, [look], datetime.now(UTC))
    found = await figures(watched)
    assert found["hallway_facts_agreed", "erp", "helpdesk", "orders.total"] == 1
    assert found["hallway_facts_differing", "erp", "helpdesk", "orders.total"] == 1
    assert "CANARY" not in str(found)


async def test_tells_how_many_statuses_have_no_words(watched: Portal) -> None:
    await (await watched.browser("maya", "bakery")).get("/requests")
    found = await figures(watched)
    assert found["hallway_statuses_without_words", "helpdesk", "tickets"] == 1


async def test_says_that_it_cannot_say(watched: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Database) -> object:
        raise DatabaseDown("away")

    await figures(watched)
    monkeypatch.setattr(Database, "read", away)
    assert (await watched.stranger().get("/metrics", headers=BEARER)).status_code == 503


async def test_tells_what_it_knows_while_redis_is_away(watched: Portal, portal_settings: Settings) -> None:
    before = await figures(watched)
    nowhere = replace(portal_settings, metrics_token=Secret(TOKEN), redis_url=Secret("redis://127.0.0.1:1/0"))
    other = Portal(make_app(nowhere), watched.database, nowhere)
    async with running(other.app):
        assert (await figures(other)).keys() == before.keys()
    await other.aclose()


def test_explains_each_figure_and_no_other() -> None:
    explained = re.findall(r"^\| `(hallway_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(HELP)
    source = (ROOT / "gateway/metrics.py").read_text()
    assert {name for name in HELP if f'Sample("{name}"' not in source} == set()
    assert {each.__name__ for each in COLLECTORS} == {name for name in vars(metrics) if name.startswith("of_")}


def test_lists_the_statuses_without_words_and_lets_none_steer_a_terminal(
    hallway: Hallway, sandbox: RunningSandbox, redis_url: str
) -> None:
    async def note() -> None:
        redis = connect(redis_url)
        origin = Origin(source="erp", id="1", fetched_at=datetime.now(UTC))
        money = Money("EUR", Decimal(1))
        strange = Invoice(
            origin=origin, number="1", state="unknown", vendor_state="es\x1b[31mche\nat", total=money, open=money
        )
        await UnmappedStatuses(redis).note("erp", "invoices", [strange], datetime.now(UTC))
        await redis.aclose()

    hallway.environ["HALLWAY_REDIS_URL"] = redis_url
    assert hallway("sources", "apply", "--yes", hallway.sources_of(sandbox)) == 0
    asyncio.run(note())
    assert hallway("status") == 0, hallway.err
    lines = [re.split(r"\s{2,}", line) for line in hallway.out.splitlines()]
    assert ["erp", "invoices", "es?[31mche?at", "1"] in [line[:4] for line in lines]


def test_shows_the_status_of_each_source(hallway: Hallway, sandbox: RunningSandbox) -> None:
    assert hallway("status") == 0
    assert hallway.out == "there are no sources yet\n"
    assert hallway("sources", "apply", "--yes", hallway.sources_of(sandbox)) == 0
    assert hallway("status") == 0, hallway.err
    lines = [re.split(r"\s{2,}", line) for line in hallway.out.splitlines()]
    assert lines[0][:4] == ["SOURCE", "KIND", "PROMISE", "STATE"]
    assert ["helpdesk", "tickets", "1 min", "not known yet"] in [line[:4] for line in lines]
    assert {line[0] for line in lines[1:]} == {"erp", "helpdesk"}
