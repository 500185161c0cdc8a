"""Conflicts on the command line."""

import asyncio

import pytest
from support_cli import Hallway
from support_feeds import START
from support_sandbox import RunningSandbox

from gateway.agreement.facts import Compared
from gateway.conflicts import Look, Thing, note
from gateway.records.database import Database

KEY = "1:" + "A" * 43 + "="
PAIR = ("erp", "helpdesk")
LINK = ("link", "--account", "bakery", "--source", "erp", "--customer", "10", "--fact", "contract")


@pytest.fixture
def ready(hallway: Hallway, sandbox: RunningSandbox) -> Hallway:
    hallway.environ["HALLWAY_KEYS"] = KEY
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway(*LINK) == 0
    return hallway


def find(hallway: Hallway, *fields: Compared) -> None:
    """Do as the worker does."""

    async def run() -> None:
        db = Database(f"sqlite:///{hallway.folder}/data/hallway.db")
        thing = Thing(kind="orders", number="SO-41", sources=PAIR, ids=("4381", "9"), compared=fields)
        look = Look(account="bakery", linked=frozenset(PAIR), things=(thing,), whole=frozenset({("orders", PAIR)}))
        await note(db, [look], START)
        await db.close()

    asyncio.run(run())


def total(ours: str, theirs: str) -> Compared:
    return Compared(field="total", values=(ours, theirs), agrees=ours == theirs)


def state(ours: str, theirs: str) -> Compared:
    return Compared(field="state", values=(ours, theirs), agrees=ours == theirs)


def test_lists_and_shows(ready: Hallway) -> None:
    assert (ready("conflicts", "list"), ready.out) == (0, "the sources agree\n")
    find(ready, total("EUR 100", "EUR 90\x1b[2J"), state("packed", "packed"))
    assert ready("conflicts", "list", "--account", "bakery") == 0
    id_, _, said = ready.out.partition(" ")
    assert said == (
        '2026-11-22 bakery: orders "SO-41", total: erp says "EUR 100", helpdesk says "EUR 90\\u001b[2J"\n'
    ), "nothing steers the terminal"
    assert ready("conflicts", "show", id_) == 0
    assert '  erp: "EUR 100", at its id "4381"' in ready.out
    assert "  open, first seen 2026-11-22 10:00" in ready.out
    assert (ready("conflicts", "list", "--account", "hotel"), ready.out) == (0, "the sources agree\n")


def test_shows_how_often_they_agree(ready: Hallway) -> None:
    assert ready("conflicts", "rate") == 0
    assert ready.out.startswith("nothing was compared yet")
    find(ready, total("EUR 100", "EUR 90"), state("packed", "packed"))
    assert ready("conflicts", "rate") == 0
    figures = ready.out
    assert [line.split() for line in figures.splitlines()[1:]] == [
        ["orders.state", "erp", "and", "helpdesk", "100.0%", "1", "0"],
        ["orders.total", "erp", "and", "helpdesk", "0.0%", "1", "1"],
    ]
    assert ready("status") == 0
    assert ready.out.endswith(f"\n\n{figures}")


def test_ignores_and_takes_it_back_and_tells_the_trail(ready: Hallway) -> None:
    find(ready, total("EUR 100", "EUR 90"))
    ready("conflicts", "list")
    id_ = ready.out.split()[0]
    assert ready("conflicts", "ignore", id_, "--by", "Ann") == 0
    assert ready("conflicts", "list", "--state", "ignored") == 0
    assert ready.out.startswith(id_)
    assert ready("conflicts", "ignore", id_) == 2
    assert "no such conflict that is open" in ready.err
    assert ready("conflicts", "reopen", id_) == 0
    assert ready("conflicts", "list") == 0
    assert ready.out.startswith(id_)
    assert ready("audit", "verify") == 0, ready.out
    ready("audit", "show", "-n", "2")
    assert "conflict.ignored" in ready.out
    assert "conflict.reopened" in ready.out
    assert ready("conflicts", "show", "nobody") == 2
    assert "there is no such conflict" in ready.err
