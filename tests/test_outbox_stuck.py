"""What could not be passed on: staff see it with what the customer wrote, and say what has become of it."""

import asyncio
import json
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_cli import Hallway
from support_feeds import START
from support_feeds import Ticking as Clock
from support_outbox import ASKED, FarEnd, World, scope
from support_sandbox import RunningSandbox

from auth.clock import utc_now
from connectors.errors import NotSent, Refused, Unavailable
from gateway.access import LinkRef
from gateway.outbox.desk import Desk
from gateway.outbox.states import OPEN
from gateway.outbox.stuck import Backlog, StuckError, backlogs, one, send_again, settle, stuck
from gateway.records.database import Database
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import AuditLine

KEY = "1:" + "A" * 43 + "="


@pytest.fixture
async def lost(database: Database, far_end: FarEnd, clock: Clock) -> World:
    """Something whose answer was lost, at a vendor who cannot say whether it was done."""
    box = World(database, far_end, "neither", clock)
    far_end.loses = [Unavailable("lost")]
    await box.hand_in()
    await box.work_for()
    return box


async def told(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        lines = await session.scalars(sa.select(AuditLine).order_by(AuditLine.number))
        return [(line.what, json.loads(line.details)["reference"]) for line in lines]


async def reference_in(box: World) -> str:
    (handed,) = await box.desk.of(scope())
    return handed.reference


async def test_lists_what_nobody_can_say(lost: World) -> None:
    (found,) = await stuck(lost.database)
    assert (found.state, found.source, found.action, found.account) == ("unknown", "desk", "new_ticket", "acme")
    assert found.words == ASKED
    assert found.about == {"customer": "7"}
    assert await one(lost.database, found.reference.lower()) == found
    assert await backlogs(lost.database) == {"desk": Backlog(0, None, unknown=1)}


async def test_counts_what_is_on_its_way(box: World) -> None:
    box.far_end.ends = [NotSent("closed")] * 2
    await box.hand_in()
    box.clock.now += timedelta(seconds=5)
    await box.hand_in("another")
    await box.sending.work()
    assert await backlogs(box.database) == {"desk": Backlog(2, START)}
    assert await stuck(box.database) == ()
    assert len(await stuck(box.database, OPEN)) == 2


async def test_sends_again_what_has_not_arrived(lost: World) -> None:
    reference = await reference_in(lost)
    lost.far_end.made.clear()  # they have looked, and it is not there
    await send_again(lost.database, trail=TRAIL, by=BY, reference=reference, now=lost.clock.now)
    assert await lost.state() == "waiting"
    await lost.work_for(1)
    assert (await lost.state(), lost.far_end.made) == ("sent", Counter([reference]))
    assert await told(lost.database) == [("message.sent_again", reference)]


async def test_settles_what_is_done(lost: World) -> None:
    reference = await reference_in(lost)
    await settle(lost.database, trail=TRAIL, by=BY, reference=reference, number="T-9", now=lost.clock.now)
    (handed,) = await lost.desk.of(scope())
    assert (handed.state, handed.number) == ("sent", "T-9")
    await lost.work_for()
    assert lost.far_end.made == Counter([reference])
    assert await told(lost.database) == [("message.settled", reference)]


async def test_decides_nothing_twice_and_nothing_that_is_on_its_way(box: World) -> None:
    box.far_end.ends = [Refused("no")]
    reference = await box.hand_in()
    for expected in ("waiting", "needs you"):
        with pytest.raises(StuckError, match=expected):
            await send_again(box.database, trail=TRAIL, by=BY, reference=reference, now=box.clock.now)
        with pytest.raises(StuckError, match=expected):
            await settle(box.database, trail=TRAIL, by=BY, reference=reference, number="1", now=box.clock.now)
        await box.sending.work()
    with pytest.raises(StuckError, match="no such reference"):
        await one(box.database, "NONE")


@pytest.fixture
def ready(hallway: Hallway, sandbox: RunningSandbox) -> Hallway:
    hallway.environ["HALLWAY_KEYS"] = KEY
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway("link", "--account", "bakery", "--source", "erp", "--customer", "10", "--fact", "contract") == 0
    return hallway


def hand_in(hallway: Hallway, text: str) -> str:
    """Do as the portal does, and as the worker does when an answer was lost."""

    async def run() -> str:
        db = Database(f"sqlite:///{hallway.folder}/data/hallway.db")
        link = LinkRef("erp", "10")
        who = replace(scope(account="bakery"), links=(link,), member_id=None)
        handed = await Desk(db, utc_now, lambda: None).take(
            who, link, "new_ticket", {"subject": "Where?", "text": text}, "n" * 20
        )
        async with db.write() as session:
            await session.execute(sa.update(OutboxRow).values(state="unknown", due_at=None, tries=1, error="lost"))
        await db.close()
        return handed.reference

    return asyncio.run(run())


def test_shows_staff_what_needs_them(ready: Hallway) -> None:
    assert (ready("outbox", "list"), ready.out) == (0, "nothing needs staff\n")
    assert (ready("outbox", "list", "--all"), ready.out) == (0, "nothing is on its way\n")
    reference = hand_in(ready, "Hello\x1b[2J")
    assert ready("outbox", "list") == 0
    assert ready.out.splitlines()[1].split() == [reference, "0", "s", "unknown", "erp", "new_ticket", "bakery"]
    assert ready("outbox", "show", reference) == 0
    assert '  text: "Hello\\u001b[2J"' in ready.out, "nothing steers the terminal"
    assert '  the last try: "lost"' in ready.out
    assert f"hallway outbox resend {reference}" in ready.out
    assert ready("status") == 0
    assert "erp: 1 message of customers could not be passed on: hallway outbox list" in ready.out
    assert ready("outbox", "show", "X") == 2
    assert "no such reference" in ready.err


def test_lets_staff_decide_and_tells_the_trail(ready: Hallway) -> None:
    reference = hand_in(ready, "Hello")
    assert (ready("outbox", "resend", reference), ready.out) == (0, "it is sent again\n")
    assert ready("outbox", "resend", reference) == 2
    assert "it is waiting" in ready.err
    reference = hand_in(ready, "Hello")
    assert ready("outbox", "settle", reference, "T-9") == 0
    assert (ready("outbox", "list", "--all"), ready.out) == (0, "nothing is on its way\n")
    ready("audit", "show", "-n", "2")
    assert "message.sent_again" in ready.out
    assert "message.settled" in ready.out
    assert ready("audit", "verify") == 0, ready.out


def test_gives_up_with_an_answer_and_tells_what_happened(ready: Hallway) -> None:
    reference = hand_in(ready, "Hello")
    assert ready("outbox", "give-up", reference, "--answer", " ") == 2
    assert ready("outbox", "give-up", reference, "--answer", "We sold it.\x1b[2J") == 0
    assert ready("outbox", "give-up", reference, "--answer", "Again.") == 2
    assert "it is dropped" in ready.err
    assert ready("outbox", "show", reference) == 0
    assert 'given up: "We sold it.\\u001b[2J"' in ready.out
    ready("audit", "show", "-n", "1")
    assert "message.given_up" in ready.out
    assert ready("audit", "verify") == 0, ready.out
