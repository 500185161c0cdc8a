"""`hallway webhooks`: what staff see of what back offices tell us."""

import asyncio
from datetime import timedelta
from typing import get_args

from support_cli import SOURCES, Hallway
from support_sandbox import RunningSandbox

from auth.clock import utc_now
from gateway.cli.tables import age, table
from gateway.cli.webhooks import WHY
from gateway.records.database import Database
from gateway.webhooks.counts import Outcome, WebhookCounts

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


def test_has_words_for_every_reason() -> None:
    assert {*get_args(Outcome)} - {"taken", "away"} == WHY.keys()


def test_sets_a_table_and_says_ages() -> None:
    assert table(("A", "B"), [("one", ""), ("", "two")]) == ["A    B", "one", "     two"]
    now = utc_now()
    ages = [age(now - timedelta(seconds=seconds), now) for seconds in (-5, 59, 60, 3599, 3600, 86_400)]
    assert ages == ["0 s", "59 s", "1 min", "59 min", "1 h", "1 d"]
    assert age(None, now) == ""
