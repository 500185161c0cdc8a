"""The merged view: real Redis, and back offices that are functions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from support_clock import Clock
from support_redis import RedisProcess

from cache.client import Client, connect
from cache.flight import Flight
from cache.keys import key
from cache.snapshots import Snapshot, Snapshots
from cache.turns import Turns
from connectors.config import Config
from connectors.contract import Answer, BackOffice, Connector, FileQuery, FileStream, Limits, Page, Query, RecordQuery
from connectors.contract import Scope as Proof
from connectors.errors import NotFound, Unavailable
from connectors.records import FileRef, Invoice, Kind, Money, Origin, Record, Ticket
from connectors.tokens import MemoryTokens
from gateway.access import LinkRef, PersonRef, Scope
from gateway.account_view import AccountViews, Part
from gateway.compact import MOST, shrink
from gateway.kept import Kept
from gateway.offices import Office
from gateway.proofs import decide
from gateway.pull import Known, Pull
from gateway.rights import COMPANY, OWN, Reach, Rights
from gateway.sight import has_files
from gateway.supply import Supply

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Desk:
    """The far end: what it holds, whose it is, and how it behaves. Counts what it is asked."""

    def __init__(self) -> None:
        self.held: dict[str, list[tuple[str, Record]]] = {"invoices": [], "tickets": []}
        self.asked: list[str] = []
        self.failing = False
        self.page_size = 2
        self.reads_open: frozenset[Kind] = frozenset()
        self.was_asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def answer(self, what: str) -> None:
        self.asked.append(what)
        self.was_asked.set()
        if self.gate:
            await self.gate.wait()
        if self.failing:
            raise Unavailable("away")

    def read(self, kind: Kind) -> Callable[[BackOffice[Any], Query], Awaitable[Page[Record]]]:
        async def page(office: BackOffice[Any], query: Query) -> Page[Record]:
            answers = tuple(
                Answer(frozenset({owner}), record)
                for owner, record in self.held[kind]
                if not (query.only_open and record.state == "paid")
            )
            await self.answer(f"{'open ' if query.only_open else ''}{kind} of {query.customer}")  # as it was when asked
            start, size = int(query.cursor or 0), self.page_size
            return Page(answers[start : start + size], str(start + size) if start + size < len(answers) else None)

        return page

    def fetch(self, kind: Kind) -> Callable[[BackOffice[Any], RecordQuery], Awaitable[Answer[Record]]]:
        async def one(office: BackOffice[Any], query: RecordQuery) -> Answer[Record]:
            await self.answer(f"{kind} {query.id}")
            for owner, record in self.held[kind]:
                if record.origin.id == query.id:
                    whole = replace(record, messages=()) if isinstance(record, Ticket) else record
                    return Answer(frozenset({owner}), whole)
            raise NotFound(query.id)

        return one

    @asynccontextmanager
    async def open_file(self, office: BackOffice[Any], query: FileQuery) -> AsyncIterator[FileStream]:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"{query.customer}/{query.record}/{query.file}".encode()

        yield FileStream(name="f.pdf", media_type="application/pdf", chunks=chunks())

    def office(self, name: str = "desk") -> Office:
        async def unused(*_: object) -> Any:
            raise AssertionError

        connector: Connector[Config] = Connector(
            name="desk",
            title="Desk",
            config=Config,
            base_url=lambda _: "https://desk.example",
            auth=lambda *_: None,
            check=unused,
            find=unused,
            reads={"invoices": self.read("invoices"), "tickets": self.read("tickets")},
            reads_open=self.reads_open,
            fetch={"invoices": self.fetch("invoices"), "tickets": self.fetch("tickets")},
            files={"invoices": self.open_file},
            statuses={},
            limits=Limits(concurrent=1),
            scope=Proof(customer="number", proof="it says so"),
        )
        back_office = BackOffice(source=name, http=httpx.AsyncClient(), config=Config(), tokens=MemoryTokens())
        return Office(
            name=name, title=name.title(), connector=connector, promises={"invoices": 60, "tickets": 60}, version="1",
            opened=back_office,
        )  # fmt: skip


class FixedOffices:
    def __init__(self, *offices: Office) -> None:
        self._offices = {office.name: office for office in offices}

    async def all(self) -> Mapping[str, Office]:
        return self._offices


def origin(id_: str) -> Origin:
    return Origin(source="desk", id=id_, fetched_at=START)


def invoice(id_: str) -> Invoice:
    money = Money("EUR", Decimal("1.10"))
    return Invoice(origin=origin(id_), number=id_, vendor_state="v", state="open", total=money, open=money)


def ticket(id_: str) -> Ticket:
    return Ticket(origin=origin(id_), number=id_, vendor_state="v", state="working", subject="s", created_at=START)


def scope(account: str = "acme", *customers: str, source: str = "desk") -> Scope:
    links = tuple(LinkRef(source, customer) for customer in customers or ("7",))
    return Scope(
        member_id="m", issuer="i", subject="s", account_id=account, account_name="Acme", links=links, rights=COMPANY
    )


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@asynccontextmanager
async def views(office: Office, redis: Client, clock: Clock, *, budget: float = 1.0) -> AsyncIterator[AccountViews]:
    """What one process has."""
    flight: Flight[Known] = Flight()
    offices: Any = FixedOffices(office)
    yield AccountViews(offices, Supply(Kept(redis), Turns(redis), flight, clock=clock), budget=budget)
    await flight.aclose()


@pytest.fixture
async def view(desk: Desk, clock: Clock, redis: Client) -> AsyncIterator[AccountViews]:
    async with views(desk.office(), redis, clock, budget=0.5) as made:
        yield made


async def test_asks_once_within_the_promise_and_again_after_it(view: AccountViews, desk: Desk, clock: Clock) -> None:
    desk.held["invoices"] = [("7", invoice("1")), ("7", invoice("2")), ("7", invoice("3"))]
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert [record.number for record in part.records] == ["1", "2", "3"]
    assert (part.state, part.fetched_at, part.complete) == ("on_time", START, True)
    asked = len(desk.asked)
    clock.now += timedelta(seconds=60)
    assert await (await view.of(scope())).parts(["invoices"]) == (part,)
    assert len(desk.asked) == asked
    clock.now += timedelta(minutes=5)
    desk.held["invoices"].pop()
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert [record.number for record in part.records] == ["1", "2"]
    assert part.fetched_at == clock.now


async def test_drops_a_record_that_names_another_owner(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("8", invoice("theirs")), ("7", invoice("mine"))]
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert [record.number for record in part.records] == ["mine"]
    with pytest.raises(NotFound):
        await (await view.of(scope())).one("invoices", "desk", "theirs")


async def test_tells_staff_of_a_status_without_words_and_shows_the_record(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", replace(invoice("1"), state="unknown", vendor_state="escheated"))]
    with capture_logs() as logs:
        (part,) = await (await view.of(scope())).parts(["invoices"])
    assert len(part.records) == 1
    assert [line["states"] for line in logs if line["event"] == "status without words"] == [["escheated"]]


async def test_counts_a_record_once_that_two_links_lead_to(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1")), ("8", invoice("1")), ("8", invoice("2"))]
    parts = await (await view.of(scope("acme", "7", "8"))).parts(["invoices"])
    assert sorted(record.number for part in parts for record in part.records) == ["1", "2"]


async def test_reads_nothing_for_a_scope_without_links(view: AccountViews, desk: Desk) -> None:
    nobody = Scope(
        member_id="m", issuer="i", subject="s", account_id="acme", account_name="Acme", links=(), rights=COMPANY
    )
    desk.held["invoices"] = [("7", invoice("1"))]
    assert await (await view.of(nobody)).parts(["invoices", "tickets"]) == ()
    with pytest.raises(NotFound):
        await (await view.of(nobody)).one("invoices", "desk", "1")
    with pytest.raises(NotFound):
        async with (await view.of(nobody)).file("invoices", "desk", "1", "f"):
            pass
    assert desk.asked == []


async def test_shows_the_last_known_records_of_a_source_that_is_away(
    view: AccountViews, desk: Desk, clock: Clock
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    await (await view.of(scope())).parts(["invoices"])
    desk.failing = True
    clock.now += timedelta(hours=1)
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.fetched_at, len(part.records)) == ("down", START, 1)
    assert (await (await view.of(scope())).one("invoices", "desk", "1")).state == "down"


async def test_says_what_it_does_not_know(view: AccountViews, desk: Desk) -> None:
    desk.failing = True
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.fetched_at, part.records, part.complete) == ("down", None, (), False)
    assert (await (await view.of(scope())).one("invoices", "desk", "1")).records == ()


async def test_shows_the_page_when_the_budget_is_spent_and_has_the_answer_later(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    desk.gate = asyncio.Event()
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.records) == ("waiting", ())
    desk.gate.set()
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, len(part.records)) == ("on_time", 1)
    assert desk.asked == ["invoices of 7"]


async def test_looks_again_after_a_call_that_began_before_the_change(
    view: AccountViews, desk: Desk, clock: Clock, redis: Client
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    await (await view.of(scope())).parts(["invoices"])
    desk.gate = asyncio.Event()
    clock.now += timedelta(minutes=2)
    page = asyncio.create_task((await view.of(scope())).parts(["invoices"]))
    desk.was_asked.clear()
    await desk.was_asked.wait()
    clock.now += timedelta(seconds=1)
    flight: Flight[Known] = Flight()
    supply = Supply(Kept(redis), Turns(redis), flight, clock=clock)  # another process's
    want = Pull(account="acme", customer="7", kind="invoices", office=desk.office())
    again = asyncio.create_task(supply.look_again(want, clock.now))
    await asyncio.sleep(0.1)
    desk.held["invoices"].append(("7", invoice("2")))
    desk.gate.set()
    await asyncio.gather(page, again)
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert [record.number for record in part.records] == ["1", "2"]
    assert part.fetched_at == clock.now
    asked = len(desk.asked)
    await supply.look_again(want, clock.now)
    assert len(desk.asked) == asked
    await flight.aclose()


@pytest.mark.parametrize("place", ["this process", "another process"])
async def test_looks_again_after_a_first_call_that_began_before_the_change(
    desk: Desk, clock: Clock, redis: Client, place: str
) -> None:
    """Nothing is kept yet when the event comes, and what is on its way is older than the event."""
    desk.gate = asyncio.Event()
    flights: list[Flight[Known]] = [Flight(), Flight()]
    first, second = (Supply(Kept(redis), Turns(redis), flight, clock=clock) for flight in flights)
    want = Pull(account="acme", customer="7", kind="invoices", office=desk.office())
    page = asyncio.create_task(first.serve([want], asyncio.get_running_loop().time() + 5))
    await desk.was_asked.wait()
    desk.held["invoices"].append(("7", invoice("1")))
    clock.now += timedelta(seconds=1)
    again = asyncio.create_task((first if place == "this process" else second).look_again(want, clock.now))
    await asyncio.sleep(0.1)
    desk.gate.set()
    await asyncio.gather(page, again)
    _, (supplied,) = await first.serve([want], asyncio.get_running_loop().time() + 5)
    assert supplied.known
    assert [record.number for record in supplied.known.records if isinstance(record, Invoice)] == ["1"]
    for flight in flights:
        await flight.aclose()


async def test_leaves_what_nobody_has_looked_at_for_whoever_does(desk: Desk, clock: Clock, redis: Client) -> None:
    flight: Flight[Known] = Flight()
    supply = Supply(Kept(redis), Turns(redis), flight, clock=clock)
    want = Pull(account="acme", customer="7", kind="invoices", office=desk.office())
    await supply.look_again(want, clock.now)
    assert desk.asked == []


async def test_goes_on_with_a_call_whose_page_was_closed(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    desk.gate = asyncio.Event()
    page = asyncio.create_task((await view.of(scope())).parts(["invoices"]))
    await desk.was_asked.wait()
    page.cancel()
    desk.gate.set()
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert len(part.records) == 1
    assert desk.asked == ["invoices of 7"]


async def test_shares_one_call_among_many_pages(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    looks = [await view.of(scope()) for _ in range(50)]
    pages = await asyncio.gather(*(look.parts(["invoices"]) for look in looks))
    assert {len(part.records) for (part,) in pages} == {1}
    assert desk.asked == ["invoices of 7"]


async def test_keeps_two_accounts_apart_in_every_cache(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("seven")), ("8", invoice("eight"))]
    (seven,) = await (await view.of(scope("acme", "7"))).parts(["invoices"])
    (eight,) = await (await view.of(scope("globex", "8"))).parts(["invoices"])
    assert [record.number for record in seven.records] == ["seven"]
    assert [record.number for record in eight.records] == ["eight"]
    with pytest.raises(NotFound):
        await (await view.of(scope("globex", "8"))).one("invoices", "desk", "seven")


async def test_merges_two_customers_of_one_account(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("seven")), ("8", invoice("eight"))]
    parts = await (await view.of(scope("acme", "7", "8"))).parts(["invoices"])
    assert {record.number for part in parts for record in part.records} == {"seven", "eight"}
    assert (await (await view.of(scope("acme", "7", "8"))).one("invoices", "desk", "eight")).records


async def test_fetches_the_conversation_only_when_it_is_read(view: AccountViews, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    (part,) = await (await view.of(scope())).parts(["tickets"])
    assert part.records[0].messages is None  # type: ignore[attr-defined]
    part = await (await view.of(scope())).one("tickets", "desk", "1")
    assert part.records[0].messages == ()  # type: ignore[attr-defined]
    assert desk.asked == ["tickets of 7", "tickets 1"]
    await (await view.of(scope())).one("tickets", "desk", "1")
    assert desk.asked == ["tickets of 7", "tickets 1"]


async def test_says_that_a_conversation_is_still_missing(view: AccountViews, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    await (await view.of(scope())).parts(["tickets"])
    desk.gate = asyncio.Event()
    part = await (await view.of(scope())).one("tickets", "desk", "1")
    assert (part.state, part.records[0].messages) == ("waiting", None)  # type: ignore[attr-defined]
    desk.gate.set()
    part = await (await view.of(scope())).one("tickets", "desk", "1")
    assert (part.state, part.records[0].messages) == ("on_time", ())  # type: ignore[attr-defined]


async def test_does_not_show_a_ticket_that_was_given_to_somebody_else(view: AccountViews, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    await (await view.of(scope())).parts(["tickets"])
    desk.held["tickets"] = [("8", ticket("1"))]
    with pytest.raises(NotFound):
        await (await view.of(scope())).one("tickets", "desk", "1")


async def test_finds_nothing_that_the_list_does_not_hold_without_asking_for_it(view: AccountViews, desk: Desk) -> None:
    desk.held["tickets"] = [("8", ticket("theirs")), ("7", ticket("mine"))]
    with pytest.raises(NotFound):
        await (await view.of(scope())).one("tickets", "desk", "theirs")
    assert "tickets theirs" not in desk.asked


async def test_opens_a_file_only_of_a_record_of_the_account(view: AccountViews, desk: Desk) -> None:
    desk.held["invoices"] = [("7", invoice("mine")), ("8", invoice("theirs"))]
    async with (await view.of(scope())).file("invoices", "desk", "mine", "pdf") as stream:
        assert [chunk async for chunk in stream.chunks] == [b"7/mine/pdf"]
    with pytest.raises(NotFound):
        async with (await view.of(scope())).file("invoices", "desk", "theirs", "pdf"):
            pass


@pytest.mark.parametrize("payload", [b"\x91\x01", shrink(b"\x91\x01"), shrink(bytes(MOST + 1))])
async def test_fetches_anew_what_another_version_wrote(
    payload: bytes, view: AccountViews, desk: Desk, redis: Client
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    foreign = Snapshot(owner="acme", fetched_at=START, payload=payload)
    await Snapshots(redis).put(key("list", "acme", "desk", "1", "7", "invoices"), foreign, timedelta(hours=1))
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert [record.number for record in part.records] == ["1"]


async def test_forgets_what_a_source_said_before_its_settings_changed(
    view: AccountViews, desk: Desk, redis: Client
) -> None:
    desk.held["invoices"] = [("7", invoice("old"))]
    await (await view.of(scope())).parts(["invoices"])
    desk.held["invoices"] = [("7", invoice("new"))]
    async with views(replace(desk.office(), version="2"), redis, Clock(START)) as moved:
        (part,) = await (await moved.of(scope())).parts(["invoices"])
    assert [record.number for record in part.records] == ["new"]


async def test_serves_pages_without_redis(desk: Desk, clock: Clock, redis_process: RedisProcess) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    redis = connect(redis_process.url)
    async with views(desk.office(), redis, clock) as view:
        redis_process.kill()
        (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, len(part.records)) == ("on_time", 1)
    await redis.aclose()


async def test_fetches_once_for_two_processes(desk: Desk, clock: Clock, redis: Client) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    async with views(desk.office(), redis, clock) as one, views(desk.office(), redis, clock) as other:
        looks = [await process.of(scope()) for process in (one, other) for _ in range(25)]
        pages = await asyncio.gather(*(look.parts(["invoices"]) for look in looks))
    assert {(part.state, len(part.records)) for (part,) in pages} == {("on_time", 1)}
    assert desk.asked == ["invoices of 7"]


async def test_fetches_in_each_process_while_redis_is_away(
    desk: Desk, clock: Clock, redis_process: RedisProcess
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    redis = connect(redis_process.url)
    redis_process.kill()
    async with views(desk.office(), redis, clock) as one, views(desk.office(), redis, clock) as other:
        looks = [await process.of(scope()) for process in (one, other) for _ in range(50)]
        pages = await asyncio.gather(*(look.parts(["invoices"]) for look in looks))
    assert {len(part.records) for (part,) in pages} == {1}
    assert desk.asked == ["invoices of 7"] * 2
    await redis.aclose()


async def test_asks_once_within_the_promise_without_redis_too(
    desk: Desk, clock: Clock, redis_process: RedisProcess
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    redis = connect(redis_process.url)
    async with views(desk.office(), redis, clock) as view:
        await (await view.of(scope())).parts(["invoices"])
        redis_process.kill()
        clock.now += timedelta(seconds=60)
        (part,) = await (await view.of(scope())).parts(["invoices"])
        assert (part.state, part.fetched_at) == ("on_time", START)
        with pytest.raises(NotFound):
            await (await view.of(scope("globex", "8"))).one("invoices", "desk", "1")
        clock.now += timedelta(minutes=5)
        (part,) = await (await view.of(scope())).parts(["invoices"])
        assert (part.state, part.fetched_at) == ("on_time", clock.now)
    assert desk.asked == ["invoices of 7", "invoices of 8", "invoices of 7"]
    await redis.aclose()


async def test_asks_nobody_again_right_after_a_failure(desk: Desk, clock: Clock, redis: Client) -> None:
    desk.failing = True
    async with views(desk.office(), redis, clock) as one, views(desk.office(), redis, clock) as other:
        for process in (one, other, one, other):
            (part,) = await (await process.of(scope())).parts(["invoices"])
            assert part.state == "down"
    assert desk.asked == ["invoices of 7"]


async def test_says_of_a_source_that_failed_what_it_was_when_the_page_began(
    view: AccountViews, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def only_at_first(_: Turns, key: str) -> bool:
        """Forget the failure while the page is being read."""
        asked.append(key)
        return asked.count(key) == 1

    monkeypatch.setattr(Turns, "failed_lately", only_at_first)
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.fetched_at, desk.asked) == ("down", None, [])


async def test_believes_another_process_that_had_more_luck(desk: Desk, clock: Clock, redis: Client) -> None:
    async with views(desk.office(), redis, clock) as unlucky, views(desk.office(), redis, clock) as lucky:
        desk.failing = True
        (part,) = await (await unlucky.of(scope())).parts(["invoices"])
        assert part.state == "down"
        desk.failing = False
        desk.held["invoices"] = [("7", invoice("1"))]
        await redis.flushdb()
        await (await lucky.of(scope())).parts(["invoices"])
        (part,) = await (await unlucky.of(scope())).parts(["invoices"])
        assert (part.state, len(part.records)) == ("on_time", 1)


async def test_lets_another_process_go_on_when_one_stops(desk: Desk, clock: Clock, redis: Client) -> None:
    desk.gate = asyncio.Event()
    async with views(desk.office(), redis, clock, budget=0.05) as stopping:
        (part,) = await (await stopping.of(scope())).parts(["invoices"])
        assert part.state == "waiting"
    desk.gate.set()
    async with views(desk.office(), redis, clock) as other:
        (part,) = await (await other.of(scope())).parts(["invoices"])
    assert part.state == "on_time"


async def test_shows_what_is_a_little_old_at_once_and_renews_it(view: AccountViews, desk: Desk, clock: Clock) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    await (await view.of(scope())).parts(["invoices"])
    desk.held["invoices"] = [("7", invoice("2"))]
    desk.gate = asyncio.Event()
    clock.now += timedelta(seconds=61)
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.asking, part.fetched_at) == ("late", True, START)
    desk.gate.set()
    while part.asking:
        await asyncio.sleep(0)
        (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.records[0].number) == ("on_time", "2")
    assert desk.asked == ["invoices of 7"] * 2


async def test_waits_for_the_answer_when_it_knows_nothing_newer_than_long_ago(
    view: AccountViews, desk: Desk, clock: Clock
) -> None:
    desk.held["invoices"] = [("7", invoice("1"))]
    await (await view.of(scope())).parts(["invoices"])
    clock.now += timedelta(minutes=6)
    (part,) = await (await view.of(scope())).parts(["invoices"])
    assert (part.state, part.fetched_at) == ("on_time", clock.now)


async def test_spends_one_budget_on_all_that_a_page_asks(view: AccountViews, desk: Desk) -> None:
    desk.held["tickets"] = [("7", ticket("1"))]
    desk.gate = asyncio.Event()
    look = await view.of(scope())
    loop = asyncio.get_running_loop()
    (part,) = await look.parts(["invoices"])
    spent = loop.time()
    parts = await look.parts(["tickets"])
    assert [part.state, parts[0].state] == ["waiting", "waiting"]
    assert look._until <= spent  # nothing was left for the second question


async def test_reads_the_latest_of_a_long_history_and_all_that_is_open(
    view: AccountViews, desk: Desk, redis: Client, clock: Clock
) -> None:
    paid = [("7", replace(invoice(str(n)), state="paid")) for n in range(1000, 0, -1)]
    desk.held["invoices"] = [*paid[:-1], ("7", invoice("old and open"))]
    desk.page_size, desk.reads_open = 100, frozenset({"invoices"})
    async with views(desk.office(), redis, clock) as narrowing:
        look = await narrowing.of(scope())
        (part,) = await look.parts(["invoices"])
        assert [record.number for record in part.records] == [*map(str, range(1000, 800, -1)), "old and open"]
        assert (part.complete, part.all_open) == (False, True)
        assert desk.asked == ["invoices of 7"] * 2 + ["open invoices of 7"]
        desk.asked.clear()
        (part,) = await look.parts(["invoices"], deep="invoices", depth=2)
        assert len(part.records) == 401
        assert desk.asked == ["invoices of 7"] * 2
        (part,) = await look.parts(["invoices"], deep="invoices", depth=9)
        assert len({record.number for record in part.records}) == len(part.records) == 1000
        assert part.complete


async def test_reads_on_from_where_a_source_that_cannot_narrow_was_cut(desk: Desk, redis: Client, clock: Clock) -> None:
    desk.held["tickets"] = [("7", ticket(str(n))) for n in range(50, 0, -1)]
    async with views(desk.office(), redis, clock) as view:
        look = await view.of(scope())
        (part,) = await look.parts(["tickets"])
        assert (len(part.records), part.complete, part.all_open) == (40, False, False)
        (part,) = await look.parts(["tickets"], deep="tickets", depth=2)
        assert (len(part.records), part.complete, part.all_open) == (50, True, True)


ANN = PersonRef("desk", "ann")


def with_people(record: Invoice, *people: str) -> Invoice:
    return replace(record, people=people, files=(FileRef(id="pdf", name="f.pdf", media_type="application/pdf"),))


def limited(rights: Rights, *persons: PersonRef) -> Scope:
    return replace(scope(), rights=rights, persons=frozenset(persons))


@pytest.fixture
def shared(desk: Desk) -> Desk:
    """A company with an invoice of Ann's and one of Ben's, and a ticket of each."""
    desk.held["invoices"] = [("7", with_people(invoice("1"), "ann")), ("7", with_people(invoice("2"), "ben"))]
    desk.held["tickets"] = [("7", replace(ticket("3"), people=("ann",))), ("7", replace(ticket("4"), people=("ben",)))]
    return desk


def numbers(parts: Sequence[Part]) -> list[str]:
    return sorted(record.number for part in parts for record in part.records)


async def test_gives_a_member_what_names_them(view: AccountViews, shared: Desk) -> None:
    whole = await (await view.of(scope())).parts(["invoices", "tickets"])
    asked = list(shared.asked)
    own = await (await view.of(limited(OWN, ANN))).parts(["invoices", "tickets"])
    assert (numbers(whole), numbers(own)) == (["1", "2", "3", "4"], ["1", "3"])
    assert shared.asked == asked, "what was read is the account's"
    assert [part.fetched_at for part in own] == [START, START]


@pytest.mark.parametrize(
    ("rights", "persons"),
    [
        (OWN, ()),
        (OWN, (PersonRef("other", "ann"),)),
        (replace(COMPANY, invoices="none", requests="none"), (ANN,)),
    ],
)
async def test_asks_nobody_for_what_a_member_could_not_see(
    view: AccountViews, shared: Desk, rights: Rights, persons: tuple[PersonRef, ...]
) -> None:
    look = await view.of(limited(rights, *persons))
    assert await look.parts(["invoices", "tickets"]) == ()
    with pytest.raises(NotFound):
        await look.one("invoices", "desk", "1")
    with pytest.raises(NotFound):
        async with look.file("invoices", "desk", "1", "pdf"):
            pass
    assert shared.asked == []


async def test_finds_no_record_that_is_a_colleagues(view: AccountViews, shared: Desk) -> None:
    await (await view.of(scope())).one("tickets", "desk", "4")  # a colleague has just looked at it
    for record_id, kind in (("2", "invoices"), ("4", "tickets"), ("9", "invoices"), ("9", "tickets")):
        with pytest.raises(NotFound):
            await (await view.of(limited(OWN, ANN))).one(kind, "desk", record_id)  # type: ignore[arg-type]
    part = await (await view.of(limited(OWN, ANN))).one("tickets", "desk", "3")
    assert numbers([part]) == ["3"]


@pytest.mark.parametrize("passed", [50, 70], ids=["read in time", "read too long ago"])
async def test_answers_alike_for_a_colleagues_record_and_for_none(
    shared: Desk, clock: Clock, redis: Client, monkeypatch: pytest.MonkeyPatch, passed: int
) -> None:
    """Also where the list is not whole and the source is away, but the colleague has read the record before."""
    monkeypatch.setattr("gateway.pull.LATEST", 1)
    shared.page_size, shared.reads_open = 1, frozenset({"tickets"})
    shared.held["tickets"] += [("7", replace(ticket(str(each)), state="solved")) for each in range(5, 9)]
    async with views(shared.office(), redis, clock) as view:
        await (await view.of(scope())).parts(["tickets"])
        clock.now += timedelta(seconds=50)
        await (await view.of(scope())).one("tickets", "desk", "4")
        shared.failing = True
        clock.now += timedelta(seconds=passed)
        told = [await (await view.of(limited(OWN, ANN))).one("tickets", "desk", each) for each in ("4", "19")]
    assert [part.records for part in told] == [(), ()], "nobody can say yet"


async def test_shows_conversations_by_what_the_whole_ticket_says(view: AccountViews, shared: Desk) -> None:
    lists = await (await view.of(limited(OWN, ANN))).parts(["tickets"])
    shared.held["tickets"] = [("7", replace(ticket("3"), people=("ben",)))]  # it was passed on meanwhile
    assert numbers(await (await view.of(limited(OWN, ANN))).conversations(lists, 5)) == []


@pytest.mark.parametrize(("documents", "opened"), [("none", []), ("own", ["1"]), ("company", ["1", "2"])])
async def test_shows_files_to_who_may_see_documents(
    view: AccountViews, shared: Desk, documents: Reach, opened: list[str]
) -> None:
    look = await view.of(limited(replace(COMPANY, documents=documents), ANN))
    parts = await look.parts(["invoices"])
    assert numbers(parts) == ["1", "2"]
    assert [record.number for part in parts for record in part.records if has_files(record)] == opened
    for record_id in ("1", "2"):
        try:
            async with look.file("invoices", "desk", record_id, "pdf"):
                assert record_id in opened
        except NotFound:
            assert record_id not in opened


async def test_opens_no_file_while_nobody_can_say_whose_own_it_is(view: AccountViews, shared: Desk) -> None:
    shared.failing = True
    for rights, expected in ((COMPANY, None), (OWN, Unavailable), (replace(COMPANY, documents="own"), Unavailable)):
        look = await view.of(limited(rights, ANN))
        with nullcontext() if expected is None else pytest.raises(expected):
            async with look.file("invoices", "desk", "1", "pdf"):
                pass


async def test_writes_down_why(view: AccountViews, shared: Desk) -> None:
    proof = await (await view.of(limited(OWN, ANN))).why("invoices", "desk", "1")
    assert decide(proof) is None
    assert (proof.read and proof.read.people, proof.named and proof.named.person) == (("ann",), "ann")
    assert (await (await view.of(scope())).why("invoices", "desk", "1")).named is None, "no more than is needed"
    with pytest.raises(NotFound):
        await (await view.of(limited(OWN, ANN))).why("invoices", "desk", "2")
    shared.failing = True
    with pytest.raises(Unavailable):
        await (await view.of(replace(scope(), account_id="other"))).why("invoices", "desk", "1")
