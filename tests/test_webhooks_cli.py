"""`hallway webhooks`: what staff see of what back offices tell us."""

import asyncio
from datetime import timedelta
from typing import get_args

import pytest
from support_cli import SOURCES, Hallway
from support_portal import LAX
from support_sandbox import RunningSandbox
from support_webhooks import by_zendesk

from auth.clock import utc_now
from connectors.deliveries import Delivery
from connectors.registry import load_connectors
from connectors.sandbox.zendesk.store import Store
from gateway.cli.tables import age, table
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.settings import load
from gateway.vault import Vault
from gateway.webhooks.counts import Outcome, WebhookCounts
from gateway.webhooks.intake import Intake
from gateway.webhooks.reasons import WHY

TRYTON = """
[sources.books]
connector = "tryton"
title = "Books"
[sources.books.settings]
base_url = "http://127.0.0.1:9"
database = "books"
application_key = { env = "ODOO_KEY" }
"""


def note(hallway: Hallway, *noted: tuple[str, Outcome, int]) -> None:
    """Count as the portal does: the source, what became of it, and how many minutes ago."""

    async def run() -> None:
        database = Database(f"sqlite:///{hallway.folder}/data/hallway.db")
        counts = WebhookCounts(database, utc_now)
        for source, outcome, minutes in noted:
            counts.note(source, outcome, utc_now() - timedelta(minutes=minutes))
        await counts.flush()
        await database.close()

    asyncio.run(run())


def lines(hallway: Hallway) -> dict[str, str]:
    assert hallway("webhooks", "list") == 0, hallway.err
    return {line.split(" ")[0]: line for line in hallway.out.splitlines() if line and not line.startswith("SOURCE")}


def test_lists_what_each_source_tells(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("webhooks", "list")
    assert hallway.out == "there are no sources yet\n"
    hallway.environ |= {"HALLWAY_BASE_URL": "https://portal.example", "HOOK": "hook-canary"}
    text = SOURCES.replace('"ODOO"', f'"{sandbox.odoo_url}"').replace('"RT"', f'"{sandbox.rt_url}"') + TRYTON
    key = 'api_key = { env = "ODOO_KEY" }\n'
    assert hallway("sources", "apply", "--yes", hallway.write(text)) == 0, hallway.err
    found = lines(hallway)
    assert "no webhook_secret set" in found["erp"]
    assert "Tryton sends none" in found["books"]
    text = text.replace(key, key + 'webhook_secret = { env = "HOOK" }\n')
    assert hallway("sources", "apply", "--yes", hallway.write(text)) == 0, hallway.err
    found = lines(hallway)
    assert "waiting for the first event" in found["erp"]
    assert "https://portal.example/hooks/erp?key=<webhook_secret>" in found["erp"]
    assert found["erp:"].startswith("erp: Settings > Technical > Automation Rules")
    note(hallway, ("erp", "taken", 190), ("erp", "taken", 3), ("erp", "signature", 1), ("erp", "signature", 2))
    found = lines(hallway)
    assert "last event 3 min ago" in found["erp"]
    assert "2 signed with another secret" in found["erp"]
    assert "erp:" not in found
    assert "hook-canary" not in hallway.out


ZENDESK = """
[sources.helpdesk]
connector = "zendesk"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "ZENDESK"
email = "portal@kestrel.example"
api_token = { env = "ZENDESK_TOKEN" }
"""
TOKEN = "sandbox0zendesk0token0sandbox0zendesk0to"


@pytest.fixture
def store(hallway: Hallway, sandbox: RunningSandbox) -> Store:
    """Behind the source `helpdesk`, which an admin's token opens."""
    hallway.environ |= {"HALLWAY_BASE_URL": "https://portal.example", "ZENDESK_TOKEN": TOKEN}
    file = hallway.write(ZENDESK.replace('"ZENDESK"', f'"{sandbox.zendesk_url}"'))
    assert hallway("sources", "apply", "--yes", file) == 0, hallway.err
    sandbox.site.zendesk.caller["role"] = "admin"
    return sandbox.site.zendesk


def deliver(hallway: Hallway, secret: str) -> int:
    """Let the portal take a delivery that is signed with this secret."""

    async def run() -> int:
        settings = load({name: value for name, value in hallway.environ.items() if name.startswith("HALLWAY_")})
        database = Database(settings.database_url.reveal())
        offices = Offices(database, Vault(settings.keyring()), load_connectors(), LAX)
        intake = Intake(database, offices, WebhookCounts(database, utc_now), lambda: None)
        body = b'{"type": "zen:event-type:ticket.created", "detail": {"id": 7081, "requester_id": 360002000031}}'
        headers = by_zendesk(secret, body, utc_now())
        delivery = Delivery(url="x", key="", headers=headers, body=body, received_at=utc_now())
        status = await intake.take("helpdesk", delivery)
        await offices.aclose()
        await database.close()
        return status

    return asyncio.run(run())


def test_tells_a_vendor_where_to_send_and_keeps_its_secret(hallway: Hallway, store: Store) -> None:
    assert hallway("webhooks", "register", "helpdesk") == 0, hallway.err
    assert hallway.out.startswith("registered: https://portal.example/hooks/helpdesk\n")
    (hook,) = store.webhooks.values()
    assert (hook["endpoint"], hook["status"]) == ("https://portal.example/hooks/helpdesk", "active")
    assert hook["secret"] not in hallway.out
    assert hook["secret"].encode() not in (hallway.folder / "data" / "hallway.db").read_bytes()
    assert deliver(hallway, hook["secret"]) == 200
    assert deliver(hallway, "b3RoZXI=") == 401
    assert "registered, waiting for the first event" in lines(hallway)["helpdesk"]
    assert hallway("audit", "show", "--what", "webhook.registered") == 0
    assert hallway.out.count("webhook.registered") == 1
    assert hook["secret"] not in hallway.out


def test_registers_once(hallway: Hallway, store: Store) -> None:
    for words in ("registered: ", "already registered: "):
        assert hallway("webhooks", "register", "helpdesk") == 0, hallway.err
        assert hallway.out.startswith(words)
    assert len(store.webhooks) == 1
    hallway("audit", "show", "--what", "webhook.registered")
    assert hallway.out.count("webhook.registered") == 1


def test_follows_a_secret_that_was_made_anew_over_there(hallway: Hallway, store: Store) -> None:
    hallway("webhooks", "register", "helpdesk")
    (hook,) = store.webhooks.values()
    before, hook["secret"] = hook["secret"], "bWFkZS1hbmV3"
    assert deliver(hallway, hook["secret"]) == 401
    assert hallway("webhooks", "register", "helpdesk") == 0
    assert [deliver(hallway, secret) for secret in (hook["secret"], before)] == [200, 200]


def test_keeps_the_secret_when_the_file_is_applied_again(hallway: Hallway, store: Store) -> None:
    """No file can name it. Another host has never seen it."""
    hallway("webhooks", "register", "helpdesk")
    (hook,) = store.webhooks.values()
    file = hallway.folder / "sources.toml"
    assert hallway("sources", "apply", "--yes", file) == 0
    assert hallway.out.endswith("No changes.\n")
    file.write_text(file.read_text().replace('title = "Help desk"', 'title = "Requests"'))
    assert hallway("sources", "apply", "--yes", file) == 0
    assert "webhook_secret" not in hallway.out
    assert deliver(hallway, hook["secret"]) == 200
    file.write_text(file.read_text().replace("http://127.0.0.1", "http://localhost"))
    assert hallway("sources", "apply", "--yes", file) == 0
    assert "webhook_secret: (secret, taken away)" in hallway.out
    assert deliver(hallway, hook["secret"]) == 401
    assert "registered" not in lines(hallway)["helpdesk"]


def test_says_why_it_registers_nothing(hallway: Hallway, store: Store, sandbox: RunningSandbox) -> None:
    store.caller["role"] = "agent"
    assert hallway("webhooks", "register", "helpdesk") == 1
    assert hallway.err.startswith("hallway: helpdesk: ")
    assert hallway("webhooks", "register", "nothing") == 2
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway("webhooks", "register", "erp") == 2
    assert "Automation Rules" in hallway.err
    assert "https://portal.example/hooks/erp?key=<webhook_secret>" in hallway.err
    assert store.webhooks == {}


def test_has_words_for_every_reason() -> None:
    assert {*get_args(Outcome)} - {"taken", "away"} == WHY.keys()


def test_sets_a_table_and_says_ages() -> None:
    assert table(("A", "B"), [("one", ""), ("", "two")]) == ["A    B", "one", "     two"]
    now = utc_now()
    ages = [age(now - timedelta(seconds=seconds), now) for seconds in (-5, 59, 60, 3599, 3600, 86_400)]
    assert ages == ["0 s", "59 s", "1 min", "59 min", "1 h", "1 d"]
    assert age(None, now) == ""
