"""Every status of every vendor has words of ours, and no word of theirs reaches a customer."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_hostile import connector_of
from support_portal import LAX, Portal, running
from support_tree import ROOT
from test_rights import text_of

from auth.clock import utc_now
from cache.client import Client
from cache.sightings import Sightings
from connectors.records import KINDS, Invoice, Kind, Money, Order, Origin, Record, Shipment, Ticket
from connectors.registry import load_connectors
from connectors.testing.bench import Bench
from connectors.testing.recordings import Recording, load_fixtures
from gateway.app import make_app
from gateway.dictionary.versions import DICTIONARIES
from gateway.records.database import Database
from gateway.settings import Settings
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from gateway.statuses import INVOICES, ORDERS, SHIPMENTS, TICKETS, UNKNOWN, Status, status_of
from gateway.unmapped import Unmapped, UnmappedStatuses
from gateway.wording import NOTHING, Entry, Words

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
TABLES: dict[str, Mapping[str, Status]] = {
    "orders": ORDERS,
    "shipments": SHIPMENTS,
    "invoices": INVOICES,
    "tickets": TICKETS,
}
WORDS = [status for table in TABLES.values() for status in table.values()] + [UNKNOWN]
AREAS = ("orders", "invoices", "requests")
LABELS = {status.label for status in WORDS}
CODE = "zqx"  # begins every status of a vendor here, and nothing else
VENDORS = load_connectors()
KNOWN = [
    (vendor, kind, theirs, ours)
    for vendor, connector in sorted(VENDORS.items())
    for kind, table in connector.statuses.items()
    for theirs, ours in table.items()
]
CODES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30)


def record(kind: Kind, place: int, state: Any, vendor_state: str) -> Record:
    origin = Origin(source="any", id=str(place), changed_at=NOW, fetched_at=utc_now())
    shared: dict[str, Any] = {"origin": origin, "number": f"N-{place}", "state": state, "vendor_state": vendor_state}
    euro = Money("EUR", Decimal(1))
    if kind == "orders":
        shipment = Shipment(number="S", state="unknown")
        return Order(total=euro, ordered_at=NOW, shipments=(shipment,), **shared)
    if kind == "invoices":
        return Invoice(total=euro, open=euro, issued_on=TODAY, **shared)
    return Ticket(subject="Subject", created_at=NOW, messages=(), **shared)


def test_knows_five_vendors() -> None:
    assert sorted(VENDORS) == ["hubspot", "odoo", "request_tracker", "tryton", "zendesk"]


@pytest.mark.parametrize(("vendor", "kind", "theirs", "ours"), KNOWN)
def test_has_words_for_every_status_that_a_vendor_documents(vendor: str, kind: Kind, theirs: str, ours: str) -> None:
    found = status_of(record(kind, 1, ours, theirs), TODAY)
    assert (found is UNKNOWN) == (ours == "unknown")
    if ours == "unknown":
        assert theirs == "invoicing_legacy", "what an older system left without its payments, and nothing else"


@pytest.mark.parametrize("kind", KINDS)
def test_has_words_for_every_state_of_ours(kind: Kind) -> None:
    states = get_args(get_type_hints(KINDS[kind])["state"])
    assert {state for state in states if status_of(record(kind, 1, state, ""), TODAY) is UNKNOWN} == {"unknown"}
    assert set(get_args(get_type_hints(Shipment)["state"])) - SHIPMENTS.keys() == {"unknown"}


@pytest.mark.parametrize("status", WORDS, ids=lambda status: status.label)
def test_says_it_shortly_and_in_sentences(status: Status) -> None:
    assert len(status.label) <= 20
    assert status.label[0].isupper()
    for sentence in (status.meaning, status.next_step):
        assert re.fullmatch(r"[A-Z][^_.]+\.( [A-Z][^_.]+\.)*", sentence)
        assert len(sentence) <= 60


def test_documents_the_words_as_they_are() -> None:
    text = (ROOT / "docs/connectors.md").read_text()
    for kind, table in TABLES.items():
        for name, status in table.items():
            row = f"| {kind} | `{name}` | {status.label} | {status.meaning} | {status.next_step} |"
            assert row in text
    assert f"| all | `unknown` | {UNKNOWN.label} | {UNKNOWN.meaning} | {UNKNOWN.next_step} |" in text


@pytest.mark.parametrize(("vendor", "name"), [
    (vendor, path.stem)
    for vendor in sorted(VENDORS)
    for path in sorted((ROOT / "connector_fixtures" / vendor).glob("*__every_status.json"))
])  # fmt: skip
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=CODES.map(CODE.__add__))
def test_keeps_a_status_that_nobody_knows_apart_from_what_is_shown(vendor: str, name: str, code: str) -> None:
    """The real connectors read answers in which each known status is in turn a word that nobody has heard of."""
    folder = ROOT / "connector_fixtures" / vendor
    known = {word for words in load_fixtures(folder).statuses.values() for word in words}
    bench = type("One", (Bench,), {"connector": VENDORS[vendor], "folder": folder})()

    recorded: Recording = bench.fixtures.recordings[name]
    shown = []
    for word in known:
        played = recorded.with_bodies(partial(with_another, word, code))
        outcome = asyncio.run(bench.play(name, played, bench.far_end(played, strict=False)))
        shown += [answer.record for answer in outcome.answers]
    assert {each.state for each in shown if each.vendor_state.strip() == code.strip()} == {"unknown"}
    assert [each for each in shown if CODE in repr(without_status(each))] == []


def with_another(word: str, code: str, body: bytes) -> bytes:
    """Put another status in the place of one, wherever it stands alone."""
    return body.replace(json.dumps(word).encode(), json.dumps(code).encode())


def without_status(record: Record) -> Record:
    return replace(record, vendor_state="")


@pytest_asyncio.fixture
async def portal(
    portal_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Portal]:
    """A portal over five back offices with a record of each status of theirs, and of some that nobody knows."""
    offices = {}
    for vendor, connector in VENDORS.items():
        records: dict[Kind, list[Record]] = {}
        for kind, table in connector.statuses.items():
            statuses = [*table.items(), *((word, "unknown") for word in ("", "<b>", "Ready for 火", "x" * 300))]
            records[kind] = [
                record(kind, place, ours, f"{CODE}{theirs}") for place, (theirs, ours) in enumerate(statuses)
            ]
        offices[vendor.replace("_", "-")] = connector_of(vendor.replace("_", "-"), records)
    monkeypatch.setattr("gateway.app.load_connectors", lambda: offices)
    made = Portal(make_app(portal_settings), database, portal_settings)
    text = "".join(f'[sources.{name}]\nconnector = "{name}"\ntitle = "Books"\nsettings = {{}}\n' for name in offices)
    wanted = parse(text, offices, LAX, environ={}, folder=Path())
    await apply(database, made.vault, await plan(database, made.vault, offices, wanted), utc_now(), trail=TRAIL, by=BY)
    await made.link("maya", "bakery", *((name, "1") for name in offices))
    async with running(made.app):
        yield made
    await made.aclose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_shows_no_word_of_a_vendor_on_any_page(portal: Portal, redis: Client) -> None:
    maya = await portal.browser("maya", "bakery")
    paths = ["/", "/documents", "/invoices/statement", "/invoices/statement.csv", "/api/v1/home"]
    lists = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}
    paths += [f"/{area}?show=all&page={page}" for area in lists.values() for page in (1, 2)]
    paths += [f"/api/v1/{area}" for area in lists.values()]
    for name, connector in VENDORS.items():
        for kind, table in connector.statuses.items():
            own = [f"/{lists[kind]}/{name.replace('_', '-')}/{place}" for place in range(len(table) + 4)]
            paths += [*own, f"{own[0]}/why", f"/api/v1{own[-1]}"]
    chips = 0
    for path in paths:
        answer = await maya.get(path)
        assert answer.status_code == 200, path
        assert CODE not in answer.text, path
        labels = re.findall(r'<span class="chip"[^>]*>(.*?)</span>', answer.text)
        assert set(labels) <= LABELS, path
        chips += len(labels)
    assert chips > 100
    assert "Nothing found" in text_of((await maya.get(f"/search?q={CODE}")).text)
    found = await UnmappedStatuses(redis).all()
    assert {each.status[:103] for each in found} >= {f"{CODE}", f"{CODE}<b>", f"{CODE}Ready for 火"}
    assert {each.source for each in found} == {"hubspot", "odoo", "request-tracker", "tryton", "zendesk"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_shows_no_word_of_a_vendor_whatever_staff_publish(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dictionaries of many forms, over a record of each status: words, none, another meaning, and none of ours."""
    monkeypatch.setattr("gateway.offices.LOOK_EVERY", 0)  # so that what is published is there at once
    maya = await portal.browser("maya", "bakery")
    forms = (
        Entry(label="Ours"),
        Entry(meaning="It is as we say.", mails=False),
        Entry(means="unknown", next_step="Wait for us."),
        Entry(means="gone since an older version"),
        NOTHING,
    )
    rounds = cycle(forms)
    words: Words = {
        name.replace("_", "-"): {
            kind: {f"{CODE}{theirs}": next(rounds) for theirs in (*table, "", "<b>", "Ready for 火", "x" * 97)}
            for kind, table in connector.statuses.items()
        }
        for name, connector in VENDORS.items()
    }
    await DICTIONARIES.publish(portal.database, words, trail=TRAIL, by=BY, now=NOW, seen=0)
    labels: set[str] = set()
    for path in ("/", "/api/v1/home", *(f"/{area}?show=all&page={page}" for area in AREAS for page in (1, 2))):
        answer = await maya.get(path)
        assert (answer.status_code, CODE in answer.text) == (200, False), path
        labels |= set(re.findall(r'<span class="chip"[^>]*>(.*?)</span>', answer.text))
    assert labels - LABELS == {"Ours"}


async def test_counts_the_records_of_each_status_without_words(redis: Client) -> None:
    unmapped = UnmappedStatuses(redis)
    strange = [record("invoices", place, "unknown", "escheated") for place in (1, 2)]
    await unmapped.note("erp", "invoices", [*strange, record("invoices", 3, "paid", "paid")], NOW)
    await unmapped.note("erp", "invoices", strange[:1], NOW + timedelta(hours=1))
    await unmapped.note("erp", "orders", [record("orders", 1, "unknown", "x" * 999)], NOW - timedelta(hours=1))
    later, earlier = await unmapped.all()
    assert later == Unmapped(
        source="erp", kind="invoices", status="escheated", records=2, last_at=NOW + timedelta(hours=1)
    )
    assert earlier.status == "x" * 100
    await unmapped.note("erp", "orders", [record("orders", 9, "unknown", "new")], NOW + timedelta(days=1, minutes=1))
    assert [each.status for each in await unmapped.all()] == ["new", "escheated"], "a day later it is forgotten"


async def test_remembers_only_so_many(redis: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cache.sightings.MOST", 10)
    seen = Sightings(redis, "many")
    for place in range(30):
        await seen.see([b"%d" % place], NOW + timedelta(seconds=place))
    assert [thing for thing, _ in await seen.latest()] == [b"%d" % place for place in range(20, 30)]
