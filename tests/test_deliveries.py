"""What back offices told us, as staff find it, look at it and have it done once more."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_audit import BY, TRAIL
from support_cli import Hallway
from support_clock import NOON
from support_door import litestar_of
from support_portal import RT_HOOK, Portal
from support_sandbox import RunningSandbox
from support_staff import staff_at
from support_webhooks import by_standard
from test_webhook_intake import HoldingViews, Scene, eventually, holding, scene  # noqa: F401  # fixtures

from auth.clock import utc_now
from connectors.deliveries import Delivery, Event
from gateway.finding import Batch, Wanted
from gateway.inbox import PAUSES, Inbox
from gateway.records.database import Database
from gateway.records.ids import first_id, made_at, new_id
from gateway.records.tables import AuditLine, Source
from gateway.records.webhook_tables import InboxRow
from gateway.webhooks.desk import count_dead, find, look_at, one, refused, replay, replayable
from gateway.webhooks.raw import MASK, MOST_BYTES, Raw, pack, read

SECRET = "sesame-open-it"
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e"


def row(number: int, state: str = "done", source: str = "erp", **more: object) -> dict[str, object]:
    ends = None if state == "waiting" else NOON
    known = {
        "id": f"{new_id()[:10]}{number:016d}",  # in this order
        "source": source,
        "delivery": f"msg_{number}",
        "events": [{"kind": "invoices", "record": str(number), "customers": ["10"]}],
        "record": str(number),
        "received_at": NOON,
        "due_at": NOON if state == "waiting" else None,
        "tries": 1,
        "state": state,
        "ended_at": ends,
    }
    return known | more


async def add(database: Database, *rows: dict[str, object]) -> list[str]:
    async with database.write() as session:
        for values in rows:
            session.add(InboxRow(**values))
    return [str(values["id"]) for values in rows]


async def told(database: Database, like: str) -> list[tuple[str, str]]:
    async with database.read() as session:
        lines = await session.scalars(sa.select(AuditLine).where(AuditLine.what.like(like)).order_by(AuditLine.number))
        return [(line.what, line.about) for line in lines]


# What is kept of what they say


def packed(body: bytes, headers: dict[str, str] | None = None) -> Raw:
    delivery = Delivery(
        url="https://p.example/hooks/erp?key=x", key="x", headers=headers or {}, body=body, received_at=NOON
    )
    frame = pack(delivery, [SECRET])
    assert SECRET.encode() not in frame
    return read(frame)


@pytest.mark.parametrize(
    "name", ["authorization", "cookie", "x-zendesk-webhook-signature", "x-api-key", "x-hub-sig", "x-csrf-token", "auth"]
)
def test_keeps_no_header_that_proves_somebody(name: str) -> None:
    assert packed(b"{}", {name: "abcdef"}).headers == ((name, MASK),)


def test_keeps_headers_that_help() -> None:
    headers = {"content-type": "application/json", "webhook-timestamp": "12", "x-signature-time": "13", "x-id": "m"}
    assert dict(packed(b"{}", headers).headers) == headers


def test_masks_secrets_in_a_body_wherever_they_are() -> None:
    said = {
        "order": 7,
        "author": "Ann",
        "assignee": "Bob",
        "access_token": "t0k",
        "deep": [{"password": 5, "session": {"id": "s", "none": None}, "note": f"it is {SECRET}!"}],
        "link": "https://x.example/?a=1&token=abc&b=2",
        "said": "Bearer eyJhbGciOi.eyJzdWIi.c2ln",
        SECRET: 1,
    }
    body = packed(json.dumps(said).encode()).body
    assert body
    for hidden in (SECRET, "t0k", '"s"', "abc", "eyJ"):
        assert hidden not in body
    assert json.loads(body)["deep"][0] == {
        "password": MASK,
        "session": {"id": MASK, "none": None},
        "note": f"it is {MASK}!",
    }
    assert (json.loads(body)["author"], json.loads(body)["link"]) == ("Ann", f"https://x.example/?a=1&token={MASK}&b=2")


def test_masks_what_is_no_json_and_writes_out_what_nobody_sees() -> None:
    assert packed(f"a=1&secret=xyz&b={SECRET}".encode()).body == f"a=1&secret={MASK}&b={MASK}"
    assert packed(json.dumps({"x": HOSTILE}).encode()).body == (
        '{\n  "x": "<script>alert(1)</script>\\u001b[2J\\u202e"\n}'
    )
    assert packed(b"\xff\x00 \xe2\x80\xae").body == "\ufffd\\u0000 \\u202e"


def test_keeps_nothing_that_is_too_long_or_too_deep_to_be_looked_through() -> None:
    assert packed(b"x" * (MOST_BYTES + 1)) == Raw((), None, MOST_BYTES + 1)
    deep = b"[" * 30_000 + b"]" * 30_000
    assert packed(deep).body is None
    assert len(packed(b"x" * MOST_BYTES).body or "") == MOST_BYTES


async def test_keeps_what_was_proven_without_its_secret(scene: Scene) -> None:  # noqa: F811
    assert await scene.intake.take("helpdesk", scene.rt(body=b'{"ticket": 881}')) == 200
    assert await scene.intake.take("helpdesk", scene.rt(secret="b3RoZXI=")) == 401
    (kept,) = (await find(scene.database, Wanted(words="msg_1"), 1)).found
    assert (kept.state, kept.source, kept.events[0].record) == ("waiting", "helpdesk", "881")
    _, raw = await look_at(scene.database, trail=TRAIL, by=BY, id_=kept.id)
    assert raw
    assert raw.body == '{\n  "ticket": 881\n}'
    assert dict(raw.headers)["webhook-signature"] == MASK
    assert dict(raw.headers)["webhook-id"] == "msg_1"
    assert await told(scene.database, "delivery.%") == [("delivery.looked_up", f"delivery/{kept.id}")]


async def test_counts_the_refused_with_the_reason_and_keeps_nothing_of_them(scene: Scene) -> None:  # noqa: F811
    for _ in range(3):
        assert await scene.intake.take("helpdesk", scene.rt(secret="b3RoZXI=", body=b'{"ticket": 1}')) == 401
    await scene.counts.flush()
    scene.clock.now += timedelta(hours=1)
    assert await scene.intake.take("helpdesk", scene.rt(late=301)) == 401
    await scene.counts.flush()
    found = await refused(scene.database, Wanted(), "", 1)
    assert [(each.reason, each.times, each.last_at) for each in found.found] == [
        ("time", 1, scene.clock.now),
        ("signature", 3, NOON),
    ]
    assert all(each.detail for each in found.found)
    assert (await refused(scene.database, Wanted(), "time", 1)).count == 1
    assert (await refused(scene.database, Wanted(until=NOON + timedelta(minutes=1)), "", 1)).count == 1
    assert (await refused(scene.database, Wanted(source="erp"), "", 1)).count == 0
    async with scene.database.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(InboxRow)) == 0


# Found


async def test_finds_by_all_that_is_given(database_with_sources: Database) -> None:
    database = database_with_sources
    await add(database, row(1), row(2, "dead"), row(3, source="helpdesk"), row(44, "waiting"))
    assert (await find(database, Wanted(), 1)).count == 4
    assert [each.theirs for each in (await find(database, Wanted(), 1)).found] == ["msg_44", "msg_3", "msg_2", "msg_1"]
    assert [each.theirs for each in (await find(database, Wanted(), 2, size=3)).found] == ["msg_1"]
    assert (await find(database, Wanted(state="dead"), 1)).count == 1
    assert (await find(database, Wanted(source="helpdesk"), 1)).count == 1
    assert (await find(database, Wanted(words="msg_44"), 1)).count == 1
    assert (await find(database, Wanted(words="44"), 1)).count == 1
    assert (await find(database, Wanted(words="%"), 1)).count == 0
    assert (await find(database, Wanted(source="helpdesk", state="dead"), 1)).count == 0
    now = utc_now()
    assert (await find(database, Wanted(since=now - timedelta(minutes=5)), 1)).count == 4
    assert (await find(database, Wanted(until=now - timedelta(minutes=5)), 1)).count == 0
    assert await count_dead(database) == {"erp": 1}


def test_knows_the_first_id_of_an_instant() -> None:
    now = utc_now().replace(microsecond=0)
    assert made_at(first_id(now)) == now
    assert first_id(now) < new_id() < first_id(utc_now() + timedelta(seconds=1))
    assert first_id(NOON.replace(year=1900)) == "0" * 26


# Done once more


async def test_replays_a_range_and_nothing_that_waits_or_came_since(database_with_sources: Database) -> None:
    database = database_with_sources
    ids = await add(
        database, row(1), row(2, "dead", error="away", tries=6), row(3, "waiting"), row(4, source="helpdesk")
    )
    batch = await replayable(database, Wanted(source="erp"))
    assert batch == Batch(2, ids[1])
    await add(database, row(5))
    wanted = Wanted(source="erp")
    again = {"trail": TRAIL, "by": BY, "wanted": wanted, "upto": batch.upto, "now": NOON + timedelta(hours=1)}
    assert await replay(database, **again) == 2  # type: ignore[arg-type]
    assert await replay(database, **again) == 0, "they wait already"  # type: ignore[arg-type]
    first = await one(database, ids[1])
    assert (first.state, first.tries, first.error, first.ended_at) == ("waiting", 0, None, None)
    assert first.replayed_at == first.due_at == NOON + timedelta(hours=1)
    assert await told(database, "delivery.%") == [("delivery.replayed", "source/erp")]
    assert await replayable(database, Wanted(id=ids[3])) == Batch(1, ids[3])
    assert (await replayable(database, Wanted(words="nothing"))) == Batch(0, "")


async def test_replays_at_most_so_many_at_once(
    database_with_sources: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.webhooks.desk.MOST_REPLAYED", 2)
    await add(database_with_sources, *(row(number) for number in range(5)))
    batch = await replayable(database_with_sources, Wanted())
    assert batch.many == 2
    done = await replay(database_with_sources, trail=TRAIL, by=BY, wanted=Wanted(), upto=batch.upto, now=NOON)
    assert done == 2
    waiting = await find(database_with_sources, Wanted(state="waiting"), 1)
    assert [each.theirs for each in waiting.found] == ["msg_4", "msg_3"], "the latest"


async def test_asks_again_as_of_now_and_does_no_harm(holding: tuple[Scene, HoldingViews, Inbox]) -> None:  # noqa: F811
    """The same deduplication and the same ordering as the first time, however often and in whatever order."""
    scene, views, inbox = holding  # noqa: F811
    for record in (2093, 7):
        assert await scene.intake.take("erp", scene.odoo(record)) == 200
    await eventually(lambda: len(views.looks) == 2)
    for gate in views.gates:
        gate.set()
    await ended(scene)
    rows = len(await scene.rows())
    scene.clock.now = NOON + timedelta(hours=2)
    for _ in range(3):  # while the first is under way
        batch = await replayable(scene.database, Wanted())
        await replay(scene.database, trail=TRAIL, by=BY, wanted=Wanted(), upto=batch.upto, now=scene.clock.now)
        inbox.wake()
        await asyncio.sleep(0.02)
    await eventually(lambda: len(views.looks) == 4)
    assert await scene.intake.take("erp", scene.odoo(2093)) == 200, "what comes meanwhile waits for its turn"
    for gate in views.gates:
        gate.set()
    await eventually(lambda: len(views.looks) == 5)
    views.gates[-1].set()
    await ended(scene)
    since = {(event.record, at) for event, at in views.looks[2:4]}
    assert since == {("2093", scene.clock.now), ("7", scene.clock.now)}, "each is asked for as of the replay"
    assert views.looks[4] == (Event(kind="invoices", record="2093"), scene.clock.now)
    assert len(await scene.rows()) == rows + 1
    assert (await scene.told("erp")).totals == {"taken": 3}, "a replay is no delivery"


async def test_takes_no_copy_for_a_new_one_after_a_replay(scene: Scene) -> None:  # noqa: F811
    assert await scene.intake.take("helpdesk", scene.rt()) == 200
    async with scene.database.write() as session:
        await session.execute(sa.update(InboxRow).values(state="done", due_at=None))
    batch = await replayable(scene.database, Wanted())
    await replay(scene.database, trail=TRAIL, by=BY, wanted=Wanted(), upto=batch.upto, now=NOON)
    assert await scene.intake.take("helpdesk", scene.rt()) == 200
    assert len(await scene.rows()) == 1
    assert (await scene.told("helpdesk")).backlog.since == NOON, "and it waits since the replay"


async def test_says_what_went_wrong_and_gives_up(holding: tuple[Scene, HoldingViews, Inbox]) -> None:  # noqa: F811
    scene, views, inbox = holding  # noqa: F811
    views.failing = True
    assert await scene.intake.take("erp", scene.odoo()) == 200
    for number in range(len(PAUSES) + 1):
        await eventually(lambda: len(views.looks) == number + 1)  # noqa: B023
        views.gates[-1].set()
        await eventually(lambda: not inbox._working)
        (each,) = (await find(scene.database, Wanted(), 1)).found
        assert each.error == "Unavailable: away"
        scene.clock.now += timedelta(hours=1)
        inbox.wake()
    assert (each.state, each.tries, each.due_at) == ("dead", 6, None)
    views.failing = False
    batch = await replayable(scene.database, Wanted(state="dead"))
    await replay(scene.database, trail=TRAIL, by=BY, wanted=Wanted(), upto=batch.upto, now=scene.clock.now)
    inbox.wake()
    await eventually(lambda: len(views.looks) == len(PAUSES) + 2)
    views.gates[-1].set()
    await ended(scene)
    (each,) = (await find(scene.database, Wanted(), 1)).found
    assert (each.state, each.error) == ("done", None)


async def ended(scene: Scene) -> None:  # noqa: F811
    for _ in range(400):
        if not [each for each in await scene.rows() if each.state == "waiting"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it waits")


# Pages


@pytest_asyncio.fixture
async def waiting(portal: Portal) -> AsyncIterator[tuple[Portal, str]]:
    """A delivery that has come in as others do, with words that would act if they could."""
    body = json.dumps({"ticket": 881, "subject": HOSTILE, "api_key": SECRET}).encode()
    headers = by_standard(RT_HOOK, body, utc_now())
    async with portal.stranger() as sender:
        answer = await sender.post("/hooks/helpdesk", content=body, headers=headers)
        assert answer.status_code == 200
        assert (await sender.post("/hooks/helpdesk", content=body)).status_code == 401
    await litestar_of(portal.app).state.intake._counts.flush()
    (found,) = (await find(portal.database, Wanted(), 1)).found
    yield portal, found.id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_shows_what_came_and_lets_only_some_read_it(waiting: tuple[Portal, str]) -> None:
    portal, id_ = waiting
    sam, adam = await staff_at(portal), await staff_at(portal, "admin")
    page = await sam.get("/staff/deliveries?q=881")
    assert f"/staff/deliveries/incoming/{id_}" in page.text
    assert "Request 881" in page.text
    assert "Nothing found" in (await sam.get("/staff/deliveries?q=882")).text
    assert "Not signed" in (await sam.get("/staff/deliveries/refused")).text
    assert ",not signed,1," in (await sam.get("/staff/deliveries/refused.csv?status=unsigned")).text
    page = await sam.get(f"/staff/deliveries/incoming/{id_}")
    assert "for the roles Admin and Owner" in page.text
    assert (await sam.get(f"/staff/deliveries/incoming/{id_}/raw")).status_code == 403
    assert await told(portal.database, "delivery.%") == []
    raw = (await adam.get(f"/staff/deliveries/incoming/{id_}/raw")).text
    assert SECRET not in raw
    assert "<script>alert" not in raw
    assert "<script>alert(1)</script>\\u001b" in unescape(raw)
    assert await told(portal.database, "delivery.%") == [("delivery.looked_up", f"delivery/{id_}")]
    assert (await adam.get("/staff/deliveries/incoming/none/raw")).status_code == 404
    assert (await adam.get("/staff/deliveries/incoming/none")).status_code == 404
    reader = await staff_at(portal, "read-only")
    assert (await reader.get("/staff/deliveries")).status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_asks_before_a_replay_and_says_how_many(waiting: tuple[Portal, str]) -> None:
    portal, id_ = waiting
    sam = await staff_at(portal)
    assert "Nothing to replay" in (await sam.get("/staff/deliveries/replay?q=zeppelin")).text
    for _ in range(2000):  # the portal follows it meanwhile
        if (await one(portal.database, id_)).state == "done":
            break
        await asyncio.sleep(0.01)
    async with portal.database.write() as session:
        await session.execute(sa.update(InboxRow).values(state="dead", due_at=None, error="=cmd", ended_at=utc_now()))
    assert "1 webhook from Help desk could not be followed" in (await sam.get("/staff")).text
    page = (await sam.get(f"/staff/deliveries/replay?id={id_}")).text
    assert "Replay 1 delivery?" in page
    csv = await sam.get("/staff/deliveries.csv?status=dead")
    assert csv.headers["content-type"].startswith("text/csv")
    assert "'=cmd" in csv.text
    answer = await sam.send("POST", "/staff/deliveries/replay", id=id_, upto=id_)
    assert answer.headers["location"] == f"/staff/deliveries/incoming/{id_}"
    assert (await one(portal.database, id_)).replayed_at
    answer = await sam.send("POST", "/staff/deliveries/replay", status="dead", upto=id_)
    assert answer.headers["location"] == "/staff/deliveries?done=0"
    assert await told(portal.database, "delivery.%") == [("delivery.replayed", f"delivery/{id_}")]


# The command


def test_replays_on_the_command_line(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    assert hallway("webhooks", "replay") == 2
    assert "name a delivery" in hallway.err

    async def put() -> str:
        database = Database(f"sqlite:///{hallway.folder}/data/hallway.db")
        async with database.read() as session:
            source = (await session.scalars(sa.select(Source.name))).first()
        (made,) = await add(database, row(1, "dead", source=str(source)))
        await database.close()
        return made

    made = asyncio.run(put())
    assert (hallway("webhooks", "replay", "nothing"), hallway.out) == (
        0,
        "no delivery fits that has been followed to its end\n",
    )
    assert (hallway("webhooks", "replay", "--state", "dead", "--yes"), hallway.out) == (0, "followed once more: 1\n")
    assert hallway("webhooks", "replay", made, "--yes") == 0
    assert "no delivery fits" in hallway.out
    assert (hallway("audit", "show", "--what", "delivery.replayed"), hallway.out.count("by operator/")) == (0, 1)
