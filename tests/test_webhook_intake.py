"""Deliveries as they come in: what is kept of them, what waits as one, and what is counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
import sqlalchemy as sa
from msgspec.structs import replace
from structlog.testing import capture_logs
from support_audit import BY, TRAIL, VAULT
from support_clock import NOON, Clock
from support_portal import LAX, ODOO_HOOK, RT_HOOK, SOURCES
from support_sandbox import ODOO_KEY, RT_TOKEN
from support_webhooks import by_standard

from connectors.contract import Connector
from connectors.deliveries import Delivery, Event
from connectors.errors import Unavailable
from connectors.registry import load_connectors
from gateway.account_view import AccountViews
from gateway.inbox import LEASE, Inbox
from gateway.keeping import BY_ITSELF
from gateway.links import Proof, link
from gateway.offices import Offices
from gateway.records.database import Database, DatabaseDown
from gateway.records.ids import made_at, new_id
from gateway.records.tables import Source
from gateway.records.webhook_tables import InboxRow, WebhookHour, WebhookTotal
from gateway.sources.changes import apply, plan
from gateway.sources.desired import parse
from gateway.webhooks.counts import WebhookCounts
from gateway.webhooks.intake import Intake
from gateway.webhooks.summary import Told, tell

TICKET = b'{"ticket": 881}'
CONNECTORS = load_connectors()


class Scene:
    """What takes deliveries over one database, for an Odoo and a Request Tracker that are never called."""

    def __init__(self, database: Database, connectors: Mapping[str, Connector[Any]] = CONNECTORS) -> None:
        self.database = database
        self.clock = Clock()
        self.counts = WebhookCounts(database, self.clock)
        self.woken = 0
        self.offices = Offices(database, VAULT, connectors, LAX)
        self.intake = Intake(database, self.offices, self.counts, self.wake)

    def wake(self) -> None:
        self.woken += 1

    async def rows(self) -> list[InboxRow]:
        async with self.database.read() as session:
            return list(await session.scalars(sa.select(InboxRow).order_by(InboxRow.id)))

    async def told(self, source: str) -> Told:
        await self.counts.flush()
        return (await tell(self.database, self.clock.now))[source]

    def odoo(self, record: int = 2093, *, key: str = ODOO_HOOK, after: int = 0) -> Delivery:
        return self.delivery(json.dumps({"_id": record, "_model": "account.move"}).encode(), key=key, after=after)

    def rt(self, name: str = "msg_1", body: bytes = TICKET, *, secret: str = RT_HOOK, late: int = 0) -> Delivery:
        headers = by_standard(secret, body, self.clock.now - timedelta(seconds=late), name)
        return self.delivery(body, headers=headers)

    def delivery(
        self, body: bytes = TICKET, *, key: str = "", headers: dict[str, str] | None = None, after: int = 0
    ) -> Delivery:
        at = self.clock.now + timedelta(seconds=after)
        return Delivery(url="https://portal.example/hooks/x", key=key, headers=headers or {}, body=body, received_at=at)


@pytest_asyncio.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    environ = {"ODOO_KEY": ODOO_KEY, "RT_TOKEN": RT_TOKEN, "ODOO_HOOK": ODOO_HOOK, "RT_HOOK": RT_HOOK}
    text = SOURCES.replace('"ODOO"', '"http://127.0.0.1:9/odoo"').replace('"RT"', '"http://127.0.0.1:9/rt"')
    wanted = parse(text, CONNECTORS, LAX, environ=environ, folder=Path())
    await apply(database, VAULT, await plan(database, VAULT, CONNECTORS, wanted), NOON, trail=TRAIL, by=BY)
    made = Scene(database)
    yield made
    await made.offices.aclose()


async def test_counts_what_is_refused_by_source_and_reason(scene: Scene) -> None:
    deliveries = {
        "signature": ("helpdesk", scene.rt(secret="b3RoZXI=")),
        "unsigned": ("helpdesk", scene.delivery()),
        "time": ("helpdesk", scene.rt(late=301)),
        "unreadable": ("erp", scene.delivery(b"{", key=ODOO_HOOK)),
        "no_source": ("nothing", scene.rt()),
    }
    for source, delivery in deliveries.values():
        assert await scene.intake.take(source, delivery) == 401
    await scene.intake.note_too_large("erp", NOON)
    assert await scene.intake.take("helpdesk", scene.rt()) == 200
    assert (await scene.told("helpdesk")).totals == {"signature": 1, "time": 1, "unsigned": 1, "taken": 1}
    assert (await scene.told("erp")).totals == {"too_large": 1, "unreadable": 1}
    assert (await scene.told("")).totals == {"no_source": 1}
    assert [row.source for row in await scene.rows()] == ["helpdesk"]


async def test_counts_a_source_without_a_secret_and_one_that_is_broken(scene: Scene) -> None:
    async with scene.database.write() as session:
        row = await session.get_one(Source, "erp")
        row.sealed = {field: token for field, token in row.sealed.items() if field != "webhook_secret"}
        row.changed_at = NOON + timedelta(seconds=1)
        await session.execute(sa.update(Source).where(Source.name == "helpdesk").values(sealed={"token": "nonsense"}))
    assert await scene.intake.take("erp", scene.odoo(key="")) == 401
    assert await scene.intake.take("helpdesk", scene.rt()) == 401
    assert (await scene.told("erp")).totals == {"no_secret": 1}
    assert (await scene.told("helpdesk")).totals == {"not_usable": 1}


async def test_writes_two_rows_for_a_flood_of_forgeries_and_logs_one_line(scene: Scene) -> None:
    with capture_logs() as lines:
        for _ in range(1000):
            assert await scene.intake.take("erp", scene.odoo(key="wrong")) == 401
    assert [line["event"] for line in lines if line["event"] == "webhook refused"] == ["webhook refused"]
    told = await scene.told("erp")
    assert (told.totals, told.lately, told.first_at) == ({"signature": 1000}, {"signature": 1000}, None)
    async with scene.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(WebhookTotal)) == 1
        assert await session.scalar(sa.select(sa.func.count()).select_from(WebhookHour)) == 1


async def test_counts_together_with_other_processes_and_over_hours(scene: Scene) -> None:
    other = WebhookCounts(scene.database, scene.clock)
    for hours, counts in ((0, scene.counts), (3, other), (27, scene.counts), (27, other)):
        counts.note("erp", "taken", NOON - timedelta(hours=hours))
    await asyncio.gather(scene.counts.flush(), other.flush())
    told = await scene.told("erp")
    assert (told.totals, told.lately) == ({"taken": 4}, {"taken": 2})
    assert (told.first_at, told.last_at) == (NOON - timedelta(hours=27), NOON)


async def test_forgets_hours_that_are_long_ago_and_no_total(scene: Scene) -> None:
    scene.counts.note("erp", "taken", NOON - timedelta(days=BY_ITSELF["refused"]) - timedelta(hours=1))
    scene.counts.note("erp", "taken", NOON)
    await scene.counts._turn()
    async with scene.database.read() as session:
        assert list(await session.scalars(sa.select(WebhookHour.hour))) == [NOON]
    assert (await scene.told("erp")).totals == {"taken": 2}


async def test_goes_on_counting_while_the_database_is_away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await scene.intake.take("erp", scene.odoo()) == 200
    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", away)
        assert await scene.intake.take("erp", scene.odoo()) == 503
        with pytest.raises(DatabaseDown):
            await scene.counts.flush()
    assert (await scene.told("erp")).totals == {"taken": 1, "away": 1}


def away(_: Database) -> Any:
    raise DatabaseDown("away")


async def test_refuses_what_is_for_a_source_that_was_just_removed_and_takes_the_others(scene: Scene) -> None:
    await scene.offices.all()
    async with scene.database.write() as session:
        await session.execute(sa.delete(Source).where(Source.name == "erp"))
    takes = [scene.intake.take("erp", scene.odoo()), scene.intake.take("helpdesk", scene.rt())]
    assert await asyncio.gather(*takes, scene.intake.take("helpdesk", scene.rt("msg_2"))) == [401, 200, 200]
    assert {row.delivery for row in await scene.rows()} == {"msg_1", "msg_2"}


async def test_answers_a_sender_of_a_connector_that_breaks(scene: Scene) -> None:
    def breaks(*_: object) -> Any:
        raise ZeroDivisionError

    (odoo,) = [each for name, each in CONNECTORS.items() if name == "odoo"]
    assert odoo.webhook
    broken = replace(odoo, webhook=replace(odoo.webhook, read=breaks))
    other = Scene(scene.database, {**CONNECTORS, "odoo": broken})
    assert await other.intake.take("erp", other.odoo()) == 401
    assert (await other.told("erp")).totals == {"unreadable": 1}
    await other.offices.aclose()


async def test_takes_many_at_once_in_few_transactions(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[object] = []
    write = Database.write

    def counted(database: Database) -> Any:
        writes.append(database)
        return write(database)

    monkeypatch.setattr(Database, "write", counted)
    takes = (scene.intake.take("helpdesk", scene.rt(f"msg_{number}")) for number in range(100))
    assert set(await asyncio.gather(*takes)) == {200}
    assert len(await scene.rows()) == 100
    assert len(writes) < 20
    assert scene.woken == len(writes)


async def test_takes_a_copy_once_however_long_its_id_is(scene: Scene) -> None:
    for _ in range(2):
        assert await scene.intake.take("helpdesk", scene.rt("m" * 1000)) == 200
    (row,) = await scene.rows()
    assert row.delivery
    assert len(row.delivery) == 64
    assert row.pending is None


async def test_lets_what_has_no_id_wait_as_one_until_somebody_looks(scene: Scene) -> None:
    """Never left out: what comes once somebody looks waits again."""
    takes = [scene.intake.take("erp", scene.odoo(after=second)) for second in range(20)]
    assert set(await asyncio.gather(*takes, scene.intake.take("erp", scene.odoo(7)))) == {200}
    first = {row.events[0]["record"]: row for row in await scene.rows()}
    assert await scene.intake.take("erp", scene.odoo(after=30)) == 200
    assert await scene.intake.take("erp", scene.odoo(after=10)) == 200
    rows = {row.events[0]["record"]: row for row in await scene.rows()}
    assert (rows["2093"].id, rows["7"].id) == (first["2093"].id, first["7"].id)
    assert rows["2093"].received_at == NOON + timedelta(seconds=30)
    scene.clock.now += timedelta(minutes=1)
    inbox = Inbox(scene.database, scene.offices, cast("AccountViews", None), scene.clock)
    assert len((await inbox._lease())["erp"]) == 2
    assert await scene.intake.take("erp", scene.odoo()) == 200
    found = [(row.events[0]["record"], row.tries) for row in await scene.rows()]
    assert sorted(found) == [("2093", 0), ("2093", 1), ("7", 1)]


class HoldingViews:
    """Where looks go: each waits until it is let go, and what it was asked for is noted."""

    def __init__(self) -> None:
        self.looks: list[tuple[Event, datetime]] = []
        self.gates: list[asyncio.Event] = []
        self.failing = False

    async def look_again(self, account: str, customer: str, event: Event, office: object, since: datetime) -> None:
        self.looks.append((event, since))
        gate = asyncio.Event()
        self.gates.append(gate)
        await gate.wait()
        if self.failing:
            raise Unavailable("away")


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(400):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def all_followed(scene: Scene, source: str) -> None:
    for _ in range(400):
        if not [row for row in await scene.rows() if row.source == source and row.due_at]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it waits")


@pytest_asyncio.fixture
async def holding(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Scene, HoldingViews, Inbox]]:
    """An inbox at work, whose Odoo names the owner of everything and whose looks are held."""

    async def owners(*_: object) -> frozenset[str]:
        return frozenset({"10"})

    monkeypatch.setattr("gateway.inbox._owners", owners)
    await link(
        scene.database,
        account="bakery",
        source="erp",
        customer="10",
        name="Bakery",
        proof=Proof(fact="number", decided_by="test", decided_at=NOON),
        login=None,
        trail=TRAIL,
        by=BY,
    )
    views = HoldingViews()
    inbox = Inbox(scene.database, scene.offices, cast("AccountViews", views), scene.clock)
    scene.intake._taken = inbox.wake
    await inbox.start()
    yield scene, views, inbox
    await inbox.aclose()


async def test_looks_again_once_for_all_that_came_while_it_looked(
    holding: tuple[Scene, HoldingViews, Inbox],
) -> None:
    scene, views, _ = holding
    assert await scene.intake.take("erp", scene.odoo()) == 200
    await eventually(lambda: len(views.looks) == 1)
    for seconds in range(1, 6):
        scene.clock.now = NOON + timedelta(seconds=seconds)
        assert await scene.intake.take("erp", scene.odoo()) == 200
    await asyncio.sleep(0.1)
    assert len(views.looks) == 1
    views.gates[0].set()
    await eventually(lambda: len(views.looks) == 2)
    views.gates[1].set()
    await all_followed(scene, "erp")
    event = Event(kind="invoices", record="2093")
    assert views.looks == [(event, NOON), (event, NOON + timedelta(seconds=5))]
    assert [(row.due_at, row.pending) for row in await scene.rows()] == [(None, None)] * 2


async def test_keeps_no_source_waiting_for_another(holding: tuple[Scene, HoldingViews, Inbox]) -> None:
    scene, views, _ = holding
    assert await scene.intake.take("erp", scene.odoo()) == 200
    await eventually(lambda: len(views.looks) == 1)
    assert await scene.intake.take("helpdesk", scene.rt()) == 200  # its owners are "10" too, and nobody is linked
    await all_followed(scene, "helpdesk")
    assert len(views.looks) == 1


async def test_takes_over_what_a_process_died_over(holding: tuple[Scene, HoldingViews, Inbox]) -> None:
    scene, views, inbox = holding
    assert await scene.intake.take("erp", scene.odoo()) == 200
    await eventually(lambda: len(views.looks) == 1)
    await inbox.aclose()
    told = await scene.told("erp")
    assert told.backlog.waiting == 1
    assert told.backlog.since
    scene.clock.now += LEASE + timedelta(seconds=1)
    other = Inbox(scene.database, scene.offices, cast("AccountViews", views), scene.clock)
    await other.start()
    await eventually(lambda: len(views.looks) == 2)
    views.gates[1].set()
    await all_followed(scene, "erp")
    await other.aclose()
    assert (await scene.told("erp")).backlog.waiting == 0


def test_an_id_says_when_it_was_made() -> None:
    before = datetime.now(UTC)
    made = made_at(new_id())
    assert before - timedelta(milliseconds=1) <= made <= datetime.now(UTC)
